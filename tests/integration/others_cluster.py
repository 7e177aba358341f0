"""Somebody else's Kubernetes, for the tests of the backend `existing`: a real control plane, with a participant's namespace."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path

from workshop import kubectl
from workshop.backends.local_kubernetes import AGENT, PLANE, LocalKubernetes
from workshop.controlplane.addresses import Addresses
from workshop.files import write_atomically
from workshop.ports import free_block
from workshop.processes import Processes
from workshop.settings import Ports, Settings

ALICE = "class-alice"
SERVICE_NUMBER = 700  # of the range of Services, one that the control plane gives to nobody by itself


@dataclass(frozen=True)
class OthersCluster:
    """Its folder and its ports."""

    settings: Settings
    ports: Ports

    @property
    def kubeconfig(self) -> Path:
        """The participant's: a token of a service account with the role of `infra/existing/role.yaml` and nothing else."""
        return self.settings.state / "alice.kubeconfig"

    @property
    def payments_ip(self) -> str:
        """The address of payments within the cluster."""
        return str(ipaddress.ip_network(Addresses(self.ports.first).services)[SERVICE_NUMBER])

    def told(self) -> dict[str, str]:
        """The variables that an administrator tells the participant."""
        return {
            "WORKSHOP_KUBECONFIG": str(self.kubeconfig),
            "WORKSHOP_NAMESPACE": ALICE,
            "WORKSHOP_PAYMENTS_URL": f"http://{Addresses(self.ports.first).to_loopback(self.payments_ip)}:8080",
        }

    def kubectl(self, *words: str, data: str | None = None) -> str:
        """As its administrator."""
        return kubectl.kubectl(self.settings, *words, data=data)


def start(settings: Settings) -> OthersCluster:
    """Start a control plane and its nodes in this state folder."""
    cluster = OthersCluster(settings, free_block(settings))
    running = LocalKubernetes(settings, cluster.ports)
    running.start()
    running.wait()
    _make_room(cluster)
    return cluster


def _make_room(cluster: OthersCluster) -> None:
    """What an administrator does for one participant; and an address for payments, as an ingress would be."""
    cluster.kubectl("create", "namespace", ALICE)
    cluster.kubectl("-n", ALICE, "create", "serviceaccount", "alice")
    cluster.kubectl("-n", ALICE, "apply", "-f", str(cluster.settings.root / "infra/existing/role.yaml"))
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
    write_kubeconfig(cluster, cluster.kubectl("-n", ALICE, "create", "token", "alice", "--duration=24h").strip())


def write_kubeconfig(cluster: OthersCluster, token: str) -> None:
    """The kubeconfig that the participant is given."""
    config = json.loads(cluster.settings.kubeconfig.read_text())
    config["users"] = [{"name": "alice", "user": {"token": token}}]
    config["contexts"] = [{"name": "class", "context": {"cluster": "workshop", "user": "alice"}}]
    config["current-context"] = "class"
    write_atomically(cluster.kubeconfig, json.dumps(config), mode=0o600)


def stop(cluster: OthersCluster) -> None:
    """End them."""
    Processes(cluster.settings.state).stop([AGENT, PLANE])
