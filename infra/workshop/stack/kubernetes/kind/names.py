"""CoreDNS in a kind cluster, set up so that brokers can resolve names soon after a restart.

By default, CoreDNS connects to the API server through a Service's address. After a restart, kube-proxy has not set up that
address yet, and CoreDNS's client backs off: brokers waited 25 of 64 seconds for names. The control plane's own address
needs no kube-proxy; kind configures the same address for its own pod network.
"""

from __future__ import annotations

LABELS = {"k8s-app": "kube-dns"}  # kubeadm's labels; an apply without a required field is refused
API_PORT = 6443  # on the control plane's node, in Docker's network
READY_EVERY = 2  # readiness probe period in seconds; kubeadm's 10 s leave the Service empty for that long


def coredns(control_plane: str) -> dict:
    """Return our fields of the Deployment `coredns`, for a server-side apply.

    Args:
        control_plane: the name of the control plane's node; Docker resolves it, and the API server's certificate contains it.
    """
    env = {"KUBERNETES_SERVICE_HOST": control_plane, "KUBERNETES_SERVICE_PORT": str(API_PORT)}
    container = {
        "name": "coredns",
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "readinessProbe": {"periodSeconds": READY_EVERY},
    }
    # On the control plane, like kubeadm's first pods: a lesson that stops a worker must not stop name resolution.
    pods = {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": LABELS}, "template": {"spec": pods}},
    }
