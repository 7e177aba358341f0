"""Pods of the benchmarks: small HTTP servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workshop.stack.kubernetes import kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

WEB = """
import http.server, os
class Quick(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Quick).serve_forever()
"""


def deployment(name: str, program: str, replicas: int) -> dict:
    """Return a Deployment of small HTTP servers."""
    labels = {"app": name}
    container = {
        "name": "web",
        "image": "workshop/services:1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", program],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}},
    }
    pod = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": kubectl.NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def ready(api: CoreV1Api, name: str, count: int, without: frozenset[str] = frozenset()) -> bool:
    """Return whether at least `count` pods are ready, and none of `without` is."""
    found = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector=f"app={name}").items
    good = [
        pod.metadata.name
        for pod in found
        if pod.metadata
        and pod.status
        and not pod.metadata.deletion_timestamp
        and any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or [])
    ]
    return len(good) >= count and not without & set(good)
