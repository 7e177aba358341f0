"""An external Kubernetes for the tests of `existing`: a real control plane with a participant's namespace."""

from __future__ import annotations

import base64
import ipaddress
import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from workshop.base.addresses import Addresses
from workshop.base.files import write_atomically
from workshop.base.processes import Processes
from workshop.base.settings import Ports, Settings
from workshop.stack.backends.local_kubernetes import AGENT, PLANE, LocalKubernetes
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.controlplane import certificates

ALICE = "class-alice"
ROLE = "infra/deploy/existing/role.yaml"
SERVICE_NUMBER = 700  # an address of the Service range that the control plane does not assign by itself


@dataclass(frozen=True)
class OthersCluster:
    """Settings and ports of the external cluster."""

    settings: Settings
    ports: Ports

    @property
    def kubeconfig(self) -> Path:
        """Return the participant's kubeconfig.

        It has the token of a service account that has only the role of `role.yaml`.
        """
        return self.settings.state / "alice.kubeconfig"

    @property
    def payments_ip(self) -> str:
        """Return the address of payments in the cluster."""
        return str(ipaddress.ip_network(Addresses(self.ports.first).services)[SERVICE_NUMBER])

    def told(self) -> dict[str, str]:
        """Return the variables for the participant."""
        return {
            "WORKSHOP_KUBECONFIG": str(self.kubeconfig),
            "WORKSHOP_NAMESPACE": ALICE,
            "WORKSHOP_PAYMENTS_URL": f"http://{Addresses(self.ports.first).to_loopback(self.payments_ip)}:8080",
        }

    def kubectl(self, *words: str, data: str | None = None) -> str:
        """Run kubectl as the administrator."""
        return kubectl.kubectl(self.settings, *words, data=data)


def start(cluster: OthersCluster) -> None:
    """Start a control plane and its nodes, and create a participant's namespace."""
    running = LocalKubernetes(cluster.settings, cluster.ports)
    running.start()
    running.wait()
    _make_room(cluster)


def _make_room(cluster: OthersCluster) -> None:
    """Create a participant's namespace, role and kubeconfig, and a Service for payments.

    The Service has a fixed address, in place of an ingress.
    """
    _give(cluster, ALICE, (cluster.settings.root / ROLE).read_text())
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "payments", "namespace": ALICE},
        "spec": {
            "clusterIP": cluster.payments_ip,
            "selector": {"app.kubernetes.io/name": "payments"},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
        },
    }
    cluster.kubectl("create", "-f", "-", data=json.dumps(service))
    write_atomically(cluster.kubeconfig, json.dumps(_kubeconfig(cluster, ALICE)), mode=0o600)


def participant(cluster: OthersCluster, folder: Path, namespace: str, trouble: str) -> Path:
    """Write a kubeconfig of another participant with one defect, and return its file."""
    role = (cluster.settings.root / ROLE).read_text()
    if trouble in ("no namespace", "a program brings the token"):
        config = _kubeconfig(cluster, ALICE)
    else:
        _give(
            cluster,
            namespace,
            role.replace("patch, update, delete", "patch, update") if trouble == "no right" else role,
        )
        config = _kubeconfig(cluster, namespace)
    if trouble == "a program brings the token":
        config["users"][0]["user"] = _by_a_program(folder, config["users"][0]["user"]["token"])
    if trouble == "expired token":
        config["users"][0]["user"]["token"] = "worn.out.token"  # noqa: S105 (not a real token)
    if trouble == "stale address":
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    if trouble == "another cluster's certificate":
        certificates.make_these(folder / "pki", {"other": certificates.Certificate(certificates.CLUSTER, "other")})
        authority = base64.b64encode((folder / "pki" / "ca.crt").read_bytes()).decode()
        config["clusters"][0]["cluster"]["certificate-authority-data"] = authority
    write_atomically(folder / "kubeconfig", json.dumps(config), mode=0o600)
    return folder / "kubeconfig"


def _by_a_program(folder: Path, token: str) -> dict:
    """Return a user whose token comes from a program, as with cloud providers."""
    api = "client.authentication.k8s.io/v1"
    told = json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": {"token": token}})
    write_atomically(folder / "bring-token", f"#!/bin/sh\necho {shlex.quote(told)}\n", mode=0o700)
    return {"exec": {"apiVersion": api, "command": str(folder / "bring-token"), "interactiveMode": "Never"}}


def _give(cluster: OthersCluster, namespace: str, role: str) -> None:
    cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("-n", namespace, "create", "serviceaccount", "alice")
    cluster.kubectl("-n", namespace, "apply", "-f", "-", data=role)


def _kubeconfig(cluster: OthersCluster, namespace: str) -> dict:
    """Return the kubeconfig of a participant, with a service account's token."""
    config = json.loads(cluster.settings.kubeconfig.read_text())
    token = cluster.kubectl("-n", namespace, "create", "token", "alice", "--duration=24h").strip()
    config["users"] = [{"name": "alice", "user": {"token": token}}]
    config["contexts"] = [{"name": "class", "context": {"cluster": "workshop", "user": "alice"}}]
    return config | {"current-context": "class"}


def stop(cluster: OthersCluster) -> None:
    """Stop the control plane and its nodes."""
    Processes(cluster.settings.state).stop([AGENT, PLANE])
