"""One node: it registers itself, tells that it lives, and runs the pods that the scheduler gives it."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import os
import platform
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from workshop.node_agent import images
from workshop.node_agent.api import AWAY, Api, ApiError
from workshop.node_agent.events import Recorder, now
from workshop.node_agent.model import Config
from workshop.node_agent.pod import Pod

log = logging.getLogger(__name__)

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
RENEW = 2.5  # seconds between two signs of life; the control plane waits for 8
LATE = 6.0  # seconds without one after which it may have taken the node for lost
TELL = 10.0  # seconds between two whole statuses
FIRST_INDEX, LAST_INDEX = 2, 254
MOST_PODS = 110
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
LOST = "lost"  # a file of this name in a node's folder: the node is as without power
LOOK = 0.4  # seconds between two looks for it


class Doubt:
    """Whether the control plane may take a node for lost: for a while after a sign of life that came late."""

    def __init__(self) -> None:
        self._last = self._until = -math.inf

    def sign_of_life(self, now: float) -> None:
        """One has arrived."""
        if now - self._last > LATE:
            self._until = now + TELL
        self._last = now

    def at(self, now: float) -> bool:
        """Whether there is reason to ask."""
        return now < self._until


class Node:
    """A worker node; `run` returns when it is cancelled."""

    MARK = "WORKSHOP_NODE"  # the variable by which processes of its pods are known

    def __init__(
        self, config: Config, name: str, number: int, api: Api, links: Callable[[str], dict[str, str]]
    ) -> None:
        """Args: number: its own in its addresses, from 1; links: the variables that tell a namespace's services."""
        self.config, self.name, self.number, self.api = config, name, number, api
        self.address = config.node_address(name)
        self.folder = config.folder / "nodes" / name
        self.events = Recorder(api, name)
        self.service_links = links
        self.pods: dict[str, Pod] = {}
        self._tasks: dict[str, asyncio.Task] = {}
        self._last = FIRST_INDEX - 1  # the last address that was given: the next pod gets another one
        self._doubt = Doubt()

    def pod_address(self, index: int) -> str:
        """The address of a pod, as the API knows it."""
        return self.config.addresses.pod_api(self.number, index)

    def api_variables(self) -> dict[str, str]:
        """Where programs in pods find the API server."""
        host, port = self.config.api.rpartition("/")[2].rsplit(":", 1)
        return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "KUBERNETES_SERVICE_PORT_HTTPS": port}

    @property
    def lost(self) -> bool:
        """Whether it is to be as a machine without power."""
        return (self.folder / LOST).exists()

    async def run(self) -> None:
        """Work, except while it is lost."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            while self.lost:
                await asyncio.sleep(LOOK)
            work = asyncio.create_task(self._work())
            try:
                while not self.lost and not work.done():
                    await asyncio.sleep(LOOK)
            finally:
                work.cancel()
                self.cut()
            with suppress(asyncio.CancelledError):
                await work
            self._tasks.clear()
            self.pods.clear()

    def cut(self) -> None:
        """End all of its pods' processes without a word."""
        for task in self._tasks.values():
            task.cancel()
        for pod in self.pods.values():
            pod.kill()

    async def leave(self, seconds: float) -> None:
        """Tell all of its pods' programs to leave, because the node goes; they are started again when it is back."""
        for pod in self.pods.values():
            pod.leaving = pod.telling.muted = True
        await asyncio.gather(*(pod.stop(seconds) for pod in self.pods.values()))

    async def _work(self) -> None:
        await self._register()
        async with asyncio.TaskGroup() as group:
            for work in (self._renew(), self._tell(), self.events.run(), self._watch_pods()):
                group.create_task(work)

    # -- the node itself

    async def _register(self) -> None:
        manifest = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": self._labels()},
            "status": self._status(),
        }
        while True:
            try:
                await self.api.create("/api/v1/nodes", manifest)
                return
            except ApiError as error:
                if error.status == 409:
                    await self.api.patch(f"/api/v1/nodes/{self.name}/status", {"status": self._status()})
                    return
                log.warning("The node %s was refused: %s", self.name, error)
            except AWAY:
                pass
            await asyncio.sleep(0.3)

    def _labels(self) -> dict[str, str]:
        return {
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": ARCHITECTURE,
            "topology.kubernetes.io/zone": f"zone-{self.number}",
        }

    def _status(self) -> dict:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
        has = {"cpu": str(os.cpu_count() or 1), "memory": f"{memory}Ki", "pods": str(MOST_PODS)}
        good = {
            "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            "Ready": ("True", "KubeletReady", "the node agent runs"),
        }
        conditions = [
            {"type": kind, "status": word, "reason": reason, "message": message, "lastHeartbeatTime": now()}
            for kind, (word, reason, message) in good.items()
        ]
        return {
            "capacity": has,
            "allocatable": has,
            "conditions": conditions,
            "addresses": [
                {"type": "InternalIP", "address": self.address},
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
                    self._doubt.sign_of_life(time.monotonic())
                except ApiError as error:
                    log.warning("The sign of life of %s was refused: %s", self.name, error)
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

    async def _tell(self) -> None:
        """Tell the status again: soon after the control plane was away, or took the node for lost, and every ten seconds.

        Whether it did is asked only after a sign of life that came late: an idle control plane has little else to answer.
        """
        told = 0.0
        while True:
            with suppress(*AWAY):
                try:
                    if time.monotonic() - told > TELL or not await self._taken_for_ready():
                        await self.api.patch(f"/api/v1/nodes/{self.name}/status", {"status": self._status()})
                        told = time.monotonic()
                except ApiError as error:
                    if error.status == 404:  # somebody deleted the node; it is still here
                        await self._register()
                    else:
                        log.warning("The status of %s was refused: %s", self.name, error)
            await asyncio.sleep(RENEW)

    async def _taken_for_ready(self) -> bool:
        if not self._doubt.at(time.monotonic()):
            return True
        node = await self.api.get(f"/api/v1/nodes/{self.name}")
        held = {one["type"]: one["status"] for one in node["status"].get("conditions", [])}
        return held.get("Ready") == "True"

    # -- its pods

    async def _watch_pods(self) -> None:
        async for kind, manifest in self.api.watch("/api/v1/pods", fieldSelector=f"spec.nodeName={self.name}"):
            if kind in ("ADDED", "MODIFIED"):
                self._take(manifest)
            elif kind == "DELETED" and (pod := self.pods.get(manifest["metadata"]["uid"])):
                if not manifest["metadata"].get("deletionTimestamp"):
                    manifest["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
                pod.update(manifest)

    def _take(self, manifest: dict) -> None:
        uid = manifest["metadata"]["uid"]
        if uid not in self.pods:
            index = self._index(manifest)
            if index is None:
                log.warning("The node %s has no address left for %s.", self.name, manifest["metadata"]["name"])
                return
            self.pods[uid] = Pod(self, manifest, index)
            self._tasks[uid] = asyncio.create_task(self._run(self.pods[uid]))
        self.pods[uid].update(manifest)

    async def _run(self, pod: Pod) -> None:
        try:
            await pod.run()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("The pod %s could not be run.", pod.full_name)
        if self.pods.get(pod.uid) is pod:
            self.pods.pop(pod.uid)
            self._tasks.pop(pod.uid, None)

    def _index(self, manifest: dict) -> int | None:
        """The last part of a pod's address: the one that it had before, or the next that is free."""
        taken = {pod.index for pod in self.pods.values()}
        had = (manifest.get("status") or {}).get("podIP", "")
        index = int(had.rpartition(".")[2] or 0)
        if had == self.pod_address(index) and index not in taken:
            return index
        for step in range(LAST_INDEX - FIRST_INDEX + 1):
            index = FIRST_INDEX + (self._last - FIRST_INDEX + 1 + step) % (LAST_INDEX - FIRST_INDEX + 1)
            if index not in taken:
                self._last = index
                return index
        return None


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
