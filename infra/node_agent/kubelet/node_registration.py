"""Registration of a node with the control plane, its heartbeats, and its status."""

from __future__ import annotations

import asyncio
import functools
import logging
import platform
import time
import tomllib
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from node_agent.api import AWAY, Api, ApiError
from node_agent.kubelet import images, resizing
from node_agent.kubelet.events import now
from node_agent.model import Config

log = logging.getLogger(__name__)

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
RENEW = 2.5  # seconds between two heartbeats; the control plane waits 8 seconds for one
LOOK = 10.0  # seconds between two checks for a changed status (a kubelet's default)
REPORT = 300.0  # seconds after which an unchanged status is reported again (a kubelet's default)
RETRY = 0.3
MOST_PODS = 110
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
NODES = "/api/v1/nodes"
GOOD = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "the node agent runs"),
}


class Standing:
    """Keeps a node registered, ready and alive for the control plane while `run` runs."""

    def __init__(self, config: Config, name: str, number: int, api: Api) -> None:
        self.config, self.name, self.number, self.api = config, name, number, api
        self._told: dict = {}
        self._at_odds = asyncio.Event()  # the control plane's state of the node is wrong

    async def run(self) -> None:
        """Renew the lease and report the status until cancelled; call `register` first."""
        async with asyncio.TaskGroup() as group:
            for work in (self._renew(), self._tell(), self._watch()):
                group.create_task(work)

    async def register(self) -> None:
        """Write the status of the node, or create the node; retry until it succeeds."""
        while True:
            with suppress(*AWAY):
                try:
                    await self._register_once()
                    return
                except ApiError as error:
                    log.warning("The status of %s was refused: %s", self.name, error)
            await asyncio.sleep(RETRY)

    async def _register_once(self) -> None:
        self._told, status = self.status(""), self.status(now())
        try:
            await self.api.patch(f"{NODES}/{self.name}/status", {"status": status})
        except ApiError as error:
            if error.status != 404:
                raise
            labels = {
                "kubernetes.io/hostname": self.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": ARCHITECTURE,
                "topology.kubernetes.io/zone": f"zone-{self.number}",
            }
            about = {"name": self.name, "labels": labels}
            await self.api.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": about, "status": status})

    def status(self, seen: str) -> dict:
        """Return the node's status with the heartbeat time `seen`."""
        capacity = resizing.capacities()
        has = {
            "cpu": str(int(capacity["cpu"])),
            "memory": f"{int(capacity['memory']) // 1024}Ki",
            "pods": str(MOST_PODS),
        }
        conditions = [
            {"type": kind, "status": word, "reason": reason, "message": message, "lastHeartbeatTime": seen}
            for kind, (word, reason, message) in GOOD.items()
        ]
        return {
            "capacity": has,
            "allocatable": has,
            "conditions": conditions,
            "addresses": [
                {"type": "InternalIP", "address": self.config.node_address(self.name)},
                {"type": "Hostname", "address": self.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.config.kubelet_port}},
            "declaredFeatures": ["ExtendWebSocketsToKubelet"],
            "nodeInfo": _about_the_machine(),
            "images": self._images(),
        }

    def _images(self) -> list[dict]:
        with suppress(OSError, tomllib.TOMLDecodeError):
            table = tomllib.loads((self.config.root / images.TABLE).read_text())
            return [{"names": [name], "sizeBytes": 0} for name in table]
        return []

    async def _renew(self) -> None:
        while True:
            with suppress(*AWAY):
                try:
                    await self._renew_once()
                except ApiError as error:
                    log.warning("The heartbeat of %s was refused: %s", self.name, error)
            await asyncio.sleep(RENEW)

    async def _renew_once(self) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": stamp}
        try:
            await self.api.patch(f"{LEASES}/{self.name}", {"spec": spec})
        except ApiError as error:
            if error.status != 404:
                raise
            about = {"name": self.name, "namespace": "kube-node-lease"}
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": about, "spec": spec}
            await self.api.create(LEASES, body)

    async def _watch(self) -> None:
        """Detect that the control plane marked the running node as not ready, or that it was deleted."""
        async for kind, manifest in self.api.watch(NODES, fieldSelector=f"metadata.name={self.name}"):
            if kind == "DELETED" or (kind != "SYNCED" and not _ready(manifest)):
                self._at_odds.set()

    async def _tell(self) -> None:
        """Report the status if the control plane's is wrong, after a change, and every `REPORT` seconds."""
        when = time.monotonic()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._at_odds.wait(), LOOK)
            if self._at_odds.is_set() or self.status("") != self._told or time.monotonic() - when > REPORT:
                self._at_odds.clear()
                await self.register()
                when = time.monotonic()


def _ready(manifest: dict) -> bool:
    conditions = (manifest.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


@functools.cache
def _about_the_machine() -> dict[str, str]:
    boot = Path("/proc/sys/kernel/random/boot_id")
    name = Path("/etc/os-release")
    system = next(
        (line.split("=", 1)[1].strip('"') for line in _lines(name) if line.startswith("PRETTY_NAME=")), "Linux"
    )
    return {
        "architecture": ARCHITECTURE,
        "operatingSystem": "linux",
        "kernelVersion": platform.release(),
        "osImage": system,
        "containerRuntimeVersion": "process://" + platform.python_version(),
        "kubeletVersion": f"v1.37.2-workshop-{version('kafka-kubernetes-workshop')}",
        "kubeProxyVersion": "",
        "bootID": boot.read_text().strip() if boot.exists() else "",
        "machineID": "",
        "systemUUID": "",
    }


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
