"""A node: registers with the control plane, and runs the pods that the scheduler assigns to it."""

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
LOST = "lost"  # a file of this name in a node's folder simulates a power failure of the node
LOOK = 0.4  # seconds between two checks for the file


class Node:
    """A worker node; `run` returns when it is cancelled."""

    MARK = "WORKSHOP_NODE"  # the variable that marks the processes of its pods

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
            number: the node's number in its addresses, from 1.
            links: returns the Service variables of a namespace.
            all_pods: returns the pods of all nodes of this machine.
        """
        self.config, self.name, self.number, self.api = config, name, number, api
        self.address = config.node_address(name)
        self.folder = config.folder / "nodes" / name
        self.events = Recorder(api, name)
        self.service_links, self.all_pods = links, all_pods
        self.pods: dict[str, Pod] = {}
        self._tasks: dict[str, asyncio.Task] = {}
        self._last = FIRST_INDEX - 1  # the last address that was assigned; the next pod gets another one
        self._standing = Standing(config, name, number, api)

    def pods_here(self) -> list[Pod]:
        """Return the pods of this node."""
        return list(self.pods.values())

    def pod_address(self, index: int) -> str:
        """Return the address of a pod in the API."""
        return self.config.addresses.pod_api(self.number, index)

    def api_variables(self) -> dict[str, str]:
        """Return the variables with the API server's address."""
        host, port = self.config.api.rpartition("/")[2].rsplit(":", 1)
        return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "KUBERNETES_SERVICE_PORT_HTTPS": port}

    @property
    def lost(self) -> bool:
        """Return whether a power failure of the node is simulated."""
        return (self.folder / LOST).exists()

    async def run(self) -> None:
        """Run the node, except while it is lost."""
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
        """Kill the processes of all pods, without a report to the API server."""
        for task in self._tasks.values():
            task.cancel()
        for pod in self.pods.values():
            pod.kill()

    async def leave(self, seconds: float) -> None:
        """Stop the processes of all pods because the node stops; they are restarted when it is back."""
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
        """Return the last part of a pod's address: the one that it had before, or the next free one."""
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
