"""A pod on a node: its volumes, its containers in their order, its termination, and its status."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

from node_agent.api import AWAY, Api, ApiError
from node_agent.kubelet.container import Container
from node_agent.kubelet.events import now
from node_agent.kubelet.owners import Named, NodeOwner, ResizablePod
from node_agent.kubelet.resizing import Resizing
from node_agent.kubelet.status_writer import Telling
from node_agent.kubelet.volumes import NotYet, Volumes
from node_agent.processes import proc, process_tree

log = logging.getLogger(__name__)

MARK = "WORKSHOP_POD"
VOLUME_RETRY = 2.0  # seconds until a missing object of a volume is requested again
REFRESH = 30.0  # seconds between two updates of mounted config maps
OVER = ("Succeeded", "Failed")


class Pod:
    """A pod that the scheduler assigned to a node; see `node_agent.model.RunningPod`."""

    def __init__(self, node: NodeOwner, manifest: dict, index: int) -> None:
        """Args: index: the last part of the pod's address."""
        about = manifest["metadata"]
        self.node_agent, self.manifest, self.index = node, manifest, index
        self.namespace, self.name, self.uid = about["namespace"], about["name"], about["uid"]
        self.folder: Path = node.folder / "pods" / self.uid
        self.volumes = Volumes(node.api, self.folder / "volumes", manifest)
        spec = manifest["spec"]
        self.has_inits = bool(spec.get("initContainers"))
        self.inits = [Container(self, one, init=True) for one in spec.get("initContainers") or []]
        self.mains = [Container(self, one) for one in spec["containers"]]
        self.leaving = False
        self.node_leaves = False  # the whole node is stopped, and restarts the pod when it is back
        self.failed_for: tuple[str, str] | None = None  # reason and message, such as DeadlineExceeded
        self.initialized = not self.has_inits
        self.sandboxed = False
        self.started_at = (manifest.get("status") or {}).get("startTime") or now()
        self.telling = Telling(self)
        self.resizing = Resizing(self)
        self._leave = asyncio.Event()
        self._tasks: set[asyncio.Task] = set()
        self._recall()

    # -- queries

    @property
    def node(self) -> str:
        """Return the name of the pod's node."""
        return self.node_agent.name

    @property
    def labels(self) -> dict[str, str]:
        """Return the current labels."""
        return self.manifest["metadata"].get("labels") or {}

    @property
    def containers(self) -> dict[str, Container]:
        """Return the containers by name, init containers first."""
        return {one.name: one for one in [*self.inits, *self.mains]}

    def resizable(self) -> list[Container]:
        """Return the containers whose resources count on the node.

        These are sidecars and main containers that are not done.
        """
        return [one for one in self.containers.values() if not one.done() and (not one.init or one.restarts_always)]

    @property
    def api(self) -> Api:
        """Return the API client of its node."""
        return self.node_agent.api

    @property
    def root(self) -> Path:
        """Return the folder of the checkout."""
        return self.node_agent.config.root

    @property
    def policy(self) -> str:
        """Return the restart policy."""
        return self.manifest["spec"].get("restartPolicy", "Always")

    @property
    def full_name(self) -> str:
        """Return the name in the form of a kubelet's messages."""
        return f"{self.name}_{self.namespace}({self.uid})"

    @property
    def api_address(self) -> str:
        """Return the address of the pod in the API."""
        return self.node_agent.pod_address(self.index)

    @property
    def address(self) -> str:
        """Return the loopback address at which its processes listen."""
        return self.node_agent.config.to_loopback(self.api_address)

    @property
    def host_address(self) -> str:
        """Return the address of its node."""
        return self.node_agent.address

    @property
    def resize_conditions(self) -> dict[str, tuple[str, str]]:
        """Return the conditions of a resize that is not complete: type to reason and message."""
        return self.resizing.conditions

    @property
    def told(self) -> dict:
        """Return the status that was written last."""
        return self.telling.told

    def neighbours(self) -> list[ResizablePod]:
        """Return the other pods of its node."""
        return [pod for pod in self.node_agent.pods_here() if pod is not self]

    @property
    def seen_here(self) -> dict[str, str]:
        """Return the fields whose values only the node has, for variables."""
        host = self.node_agent.address
        return {
            "status.podIP": self.address,
            "status.podIPs": self.address,
            "status.hostIP": host,
            "status.hostIPs": host,
        }

    def base_environment(self, container: str) -> dict[str, str]:
        """Return the variables that every container of the pod has."""
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        base = {"HOSTNAME": self.name, "HOME": str(scratch), "TMPDIR": str(scratch)}
        base |= {self.node_agent.MARK: str(self.node_agent.folder), MARK: self.mark(container)[1]}
        if self.manifest["spec"].get("enableServiceLinks", True):
            base |= self.node_agent.service_links(self.namespace)
        return base | self.node_agent.api_variables()

    def mark(self, container: str) -> tuple[str, str]:
        """Return the variable that marks the processes of a container, and its value."""
        return MARK, f"{self.uid}/{container}"

    def owns(self, process: int) -> bool:
        """Return whether a process belongs to a container: by its variables, or else by its parents.

        The parents count because a process can overwrite its variables.
        """
        if proc.variable(process, MARK).partition("/")[0] == self.uid:
            return True
        return any(process in process_tree.whole(one.pid) for one in self.containers.values() if one.pid)

    def owner(self, process: int) -> str:
        """Return the owner of a process, for a message of this pod; empty if it belongs to no pod."""
        uid, _, container = proc.variable(process, MARK).partition("/")
        if uid == self.uid:
            return f"the container {container} of this pod"
        names = (f"pod {one.namespace}/{one.name}" for one in self.node_agent.all_pods() if one.uid == uid)
        return next(names, "")

    def grace(self, container: dict, probe: str) -> float:
        """Return the grace period in seconds of a container whose probe failed."""
        own = (container.get(f"{probe}Probe") or {}).get("terminationGracePeriodSeconds")
        return float(own if own is not None else self.manifest["spec"].get("terminationGracePeriodSeconds", 30))

    def note(self, reason: str, message: str, container: Named | None = None, *, warning: bool = True) -> None:
        """Write an event about the pod or one of its containers."""
        name = container.name if container else ""
        self.node_agent.events.note(self.manifest, reason, message, warning=warning, container=name)

    def changed(self) -> None:
        """Report the status soon, because it has changed."""
        self.telling.due.set()

    def keep(self, task: asyncio.Task) -> None:
        """Cancel a task when the pod ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- life cycle

    def update(self, manifest: dict) -> None:
        """Take over a new version of the manifest from the API server."""
        self.manifest = manifest
        self.resizing.look()
        if manifest["metadata"].get("deletionTimestamp"):
            self._leave.set()

    async def run(self) -> None:
        """Run the pod until it is deleted."""
        telling = asyncio.create_task(self.telling.run())
        living = asyncio.create_task(self._live())
        leaving = asyncio.create_task(self._leave.wait())
        try:
            await asyncio.wait((living, leaving), return_when=asyncio.FIRST_COMPLETED)
            if living.done() and not living.cancelled() and living.exception():
                self._report(living)
            await leaving
            await self._end(living)
        finally:
            for task in (telling, living, leaving, *self._tasks):
                task.cancel()
        await self.telling.last()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _report(self, living: asyncio.Task) -> None:
        log.error("The pod %s failed in the agent.", self.full_name, exc_info=living.exception())
        self.note("Failed", f"the node agent failed: {living.exception()!r}")

    async def _live(self) -> None:
        if (self.manifest.get("status") or {}).get("phase") in OVER:
            return
        self.changed()
        await self._make_volumes()
        self.sandboxed = True
        watchers = [self._refresh(), self._deadline(), self.resizing.run()]
        for watcher in watchers:
            self.keep(asyncio.create_task(watcher))
        if await self._run_inits():
            self.initialized = True
            self.changed()
            await asyncio.gather(*(one.run() for one in self.mains if not one.done()))
            for sidecar in self.inits:
                await sidecar.stop(self.grace(sidecar.spec, ""))
        self.changed()

    async def _make_volumes(self) -> None:
        while True:
            try:
                await self.volumes.make(self.manifest)
                return
            except NotYet as error:
                self.note("FailedMount", f"MountVolume.SetUp failed: {error}")
            except AWAY:
                log.info("The API server is away; the volumes of %s wait.", self.name)
            except ApiError as error:
                self.note("FailedMount", f"MountVolume.SetUp failed: {error}")
            await asyncio.sleep(VOLUME_RETRY)

    async def _run_inits(self) -> bool:
        for one in self.inits:
            if one.done() and one.exit_code() == 0:
                continue
            running = asyncio.create_task(one.run())
            self.keep(running)
            if one.restarts_always:
                while not one.has_started:
                    await asyncio.sleep(0.05)
                continue
            await running
            if one.exit_code() != 0:
                for never in self.mains:
                    never.state = {"waiting": {"reason": "PodInitializing"}}
                return False
            self.changed()
        for one in self.mains:
            one.state = {"waiting": {"reason": "ContainerCreating"}} if "waiting" in one.state else one.state
        return True

    async def _refresh(self) -> None:
        while self.volumes.changes:
            await asyncio.sleep(REFRESH)
            with contextlib.suppress(NotYet, ApiError, *AWAY):
                await self.volumes.make(self.manifest)

    async def _deadline(self) -> None:
        seconds = self.manifest["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return
        began = datetime.strptime(self.started_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        await asyncio.sleep(max(0.0, seconds - (datetime.now(UTC) - began).total_seconds()))
        self.failed_for = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        self.note("DeadlineExceeded", self.failed_for[1], warning=False)
        self.leaving = True
        await self.stop(self.grace({}, ""))
        self.changed()

    async def _end(self, living: asyncio.Task) -> None:
        """Terminate a deleted pod: stop all main containers at once, then init containers that still run."""
        self.leaving = True
        grace = self.manifest["metadata"].get("deletionGracePeriodSeconds")
        ending = asyncio.create_task(self.stop(float(30 if grace is None else grace)))
        while not ending.done():
            await asyncio.wait((ending,), timeout=0.2)
            # A second `kubectl delete --force` shortens the time.
            if self.manifest["metadata"].get("deletionGracePeriodSeconds") == 0 and grace != 0:
                self.kill()
        living.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await living

    async def stop(self, grace: float) -> None:
        """Stop all containers, and wait until they have ended."""
        for one in self.containers.values():
            if not one.ended():
                self.note("Killing", f"Stopping container {one.name}", one, warning=False)
        await asyncio.gather(*(one.stop(grace) for one in self.mains))
        for one in reversed(self.inits):
            await one.stop(grace)

    def kill(self) -> None:
        """Kill all processes at once, like a power failure."""
        for one in self.containers.values():
            if one.pid:
                process_tree.kill(process_tree.whole(one.pid))

    def _recall(self) -> None:
        told = self.manifest.get("status") or {}
        known = {one["name"]: one for one in told.get("containerStatuses") or []}
        for one in self.mains:
            if one.name in known:
                one.recall(known[one.name])
        known = {one["name"]: one for one in told.get("initContainerStatuses") or []}
        for one in self.inits:
            if one.name in known:
                one.recall(known[one.name])
        if told.get("phase") in OVER:
            self.initialized = self.sandboxed = True
            self.failed_for = (told["reason"], told.get("message", "")) if told.get("reason") else None
