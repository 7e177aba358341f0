"""One node: it is there for the control plane, and runs the pods that the scheduler gives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from node_agent.api import Api
from node_agent.kubelet.events import Recorder, now
from node_agent.kubelet.node_registration import Standing
from node_agent.kubelet.pod import Pod
from node_agent.model import Config

log = logging.getLogger(__name__)

FIRST_INDEX, LAST_INDEX = 2, 254
LOST = "lost"  # a file of this name in a node's folder: the node is as without power
LOOK = 0.4  # seconds between two looks for it


class Node:
    """A worker node; `run` returns when it is cancelled."""

    MARK = "WORKSHOP_NODE"  # the variable by which processes of its pods are known

    def __init__(
        self,
        config: Config,
        name: str,
        number: int,
        api: Api,
        links: Callable[[str], dict[str, str]],
        all_pods: Callable[[], list[Pod]],
    ) -> None:
        """Initialize the node; `run` registers it.

        Args:
            number: its own in its addresses, from 1.
            links: the variables that tell a namespace's services.
            all_pods: the pods of this machine, on whichever node.
        """
        self.config, self.name, self.number, self.api = config, name, number, api
        self.address = config.node_address(name)
        self.folder = config.folder / "nodes" / name
        self.events = Recorder(api, name)
        self.service_links, self.all_pods = links, all_pods
        self.pods: dict[str, Pod] = {}
        self._tasks: dict[str, asyncio.Task] = {}
        self._last = FIRST_INDEX - 1  # the last address that was given: the next pod gets another one
        self._standing = Standing(config, name, number, api)

    def pods_here(self) -> list[Pod]:
        """Return the pods of this node."""
        return list(self.pods.values())

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
            pod.leaving = pod.node_leaves = pod.telling.muted = True
        await asyncio.gather(*(pod.stop(seconds) for pod in self.pods.values()))

    async def _work(self) -> None:
        await self._standing.register()
        async with asyncio.TaskGroup() as group:
            for work in (self._standing.run(), self.events.run(), self._watch_pods()):
                group.create_task(work)

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
