"""A container: its process, its restarts by the pod's restart policy, and its status."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from node_agent.api import AWAY
from node_agent.kubelet import container_lifecycle, environment, images, taken_ports
from node_agent.kubelet.events import now
from node_agent.kubelet.owners import PodOwner
from node_agent.kubelet.states import whole
from node_agent.processes import process_tree
from node_agent.processes.logs import ContainerLog

FIRST_DELAY, LONGEST_DELAY = 10.0, 300.0  # seconds between restarts, doubled each time, as in a kubelet
CALM = 600.0  # seconds; after an attempt of this length, the restart delay starts at zero again
CONFIG_RETRY = 2.0  # seconds until a missing config map is requested again
PULL_DELAY = 10.0
KEPT_LOGS = 2
KILLED = 137
ENDED_BY_SIGNAL = 128  # the first exit code that stands for a signal
COULD_NOT_START = 128


class Container:
    """A container of a pod; `run` returns when it has ended and will not be restarted."""

    def __init__(self, pod: PodOwner, spec: dict, *, init: bool = False) -> None:
        self.pod, self.spec, self.init = pod, spec, init
        self.name: str = spec["name"]
        self.pid: int | None = None
        self.attempts: list[Path] = []
        self.started = 0.0
        self.restarts = 0
        self.ready = False
        self.has_started = False  # its startup probe has succeeded, or it has none
        self.state: dict = {"waiting": {"reason": "PodInitializing" if pod.has_inits else "ContainerCreating"}}
        self.last_state: dict = {}
        self.resources: dict = spec.get("resources") or {}  # the current ones; a resize changes them
        self.image_id = ""
        self.id = ""
        self._over = asyncio.Event()
        self._over.set()
        self.reason = ""  # why the agent ended it, if it did: OOMKilled
        self._delay = 0.0
        self._resized = False  # being stopped because its resources have changed; restarted at once
        self._env: dict[str, str] = {}
        self._cwd = pod.folder

    # -- queries

    def ended(self) -> bool:
        """Return whether the current attempt has ended."""
        return self._over.is_set()

    def done(self) -> bool:
        """Return whether it has ended and will not be restarted."""
        return "terminated" in self.state

    def exit_code(self) -> int | None:
        """Return its exit code if it is done."""
        return self.state["terminated"]["exitCode"] if self.done() else None

    @property
    def ports(self) -> dict[str, int]:
        """Return the named ports."""
        return {port["name"]: port["containerPort"] for port in self.spec.get("ports") or [] if "name" in port}

    @property
    def restarts_always(self) -> bool:
        """Return whether it is always restarted; an init container with this property is a sidecar."""
        return (self.spec.get("restartPolicy") if self.init else self.pod.policy) == "Always"

    async def spawn(
        self, argv: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False
    ) -> asyncio.subprocess.Process:
        """Start another process with the container's variables and folder."""
        replace = self.pod.volumes.replaced(self.spec)
        env = {**self._env, "TERM": "xterm"} if tty else self._env
        words = [replace(word) for word in argv]
        return await process_tree.start(words, env, self._cwd, tty=tty, stdin=stdin, stdout=stdout, stderr=stderr)

    # -- attempts

    async def run(self) -> None:
        """Start the container, and restart it as the restart policy requires."""
        while True:
            await self._prepare()
            began = time.monotonic()
            code = await self._one_attempt()
            if self._resized and not self.pod.leaving:
                self._resized, self.last_state = False, self.state
                self.restarts += 1
                self._be(
                    {"waiting": {"reason": "ContainerCreating"}}
                )  # before the next status is written: the container is not done
                continue
            if not self._again(code):
                return
            if time.monotonic() - began > CALM:
                self._delay = 0.0
            await self._wait()

    def _again(self, code: int) -> bool:
        if self.pod.leaving:
            return False
        return self.restarts_always or (self.pod.policy != "Never" and code != 0)

    async def _wait(self) -> None:
        """Wait for the back-off: the first restart is immediate, the next ones follow after 10 s, 20 s …"""
        self.last_state = self.state
        if self._delay:
            said = f"back-off {self._delay:g}s restarting failed container={self.name} pod={self.pod.full_name}"
            self._be({"waiting": {"reason": "CrashLoopBackOff", "message": said}})
            self.pod.note(
                "BackOff", f"Back-off restarting failed container {self.name} in pod {self.pod.full_name}", self
            )
        await asyncio.sleep(self._delay)
        self._delay = min(LONGEST_DELAY, self._delay * 2 or FIRST_DELAY)
        self.restarts += 1

    async def _prepare(self) -> None:
        """Wait until the image exists, and the objects that the variables refer to."""
        pull_delay = PULL_DELAY
        while True:
            try:
                self._image = images.find(self.pod.root, self.spec["image"], self._policy())
                self._env = await self._environment()
                return
            except images.NoSuchImage as error:
                await self._no_image(error, pull_delay)
                pull_delay = min(LONGEST_DELAY, pull_delay * 2)
            except environment.ConfigError as error:
                self._be({"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}})
                self.pod.note("Failed", f"Error: {error}", self)
                await asyncio.sleep(CONFIG_RETRY)
            except AWAY:  # a container that crashed while the API server is away starts when it is back
                await asyncio.sleep(CONFIG_RETRY)

    def _policy(self) -> str:
        return self.spec.get("imagePullPolicy") or "IfNotPresent"

    async def _no_image(self, error: images.NoSuchImage, delay: float) -> None:
        self._be({"waiting": {"reason": error.reason, "message": str(error)}})
        self.pod.note("Failed", f'Failed to pull image "{self.spec["image"]}": {error}', self)
        self.pod.note("Failed", f"Error: {error.reason}", self)
        if error.reason == "ErrImagePull":
            await asyncio.sleep(delay / 2)
            said = f'Back-off pulling image "{self.spec["image"]}": {error}'
            self._be({"waiting": {"reason": "ImagePullBackOff", "message": said}})
            self.pod.note("BackOff", f'Back-off pulling image "{self.spec["image"]}"', self, warning=False)
        await asyncio.sleep(delay / 2)

    async def _environment(self) -> dict[str, str]:
        base = {**self._image.env, **self.pod.base_environment(self.name)}
        env = await environment.build(self.pod.api, self.pod.manifest, self.spec, base, self.pod.seen_here)
        replace = self.pod.volumes.replaced(self.spec)
        mine = {variable["name"] for variable in self.spec.get("env") or []}
        return {name: replace(value) if name in mine else value for name, value in env.items()}

    def _argv(self) -> list[str]:
        replace = self.pod.volumes.replaced(self.spec)
        command, args = self.spec.get("command"), self.spec.get("args") or []
        words = [*command, *args] if command else [*self._image.entry, *args]
        return [replace(environment.expanded(word, self._env)) for word in words]

    async def _one_attempt(self) -> int:
        self.reason = ""
        self.ready = self.has_started = False
        argv, folder = self._argv(), self.spec.get("workingDir")
        self._cwd = Path(self.pod.volumes.replaced(self.spec)(folder)) if folder else self._image.folder
        self.pod.note(
            "Pulled", f'Container image "{self.spec["image"]}" already present on machine', self, warning=False
        )
        self.id = f"process://{self.pod.uid[:8]}-{self.name}-{self.restarts}"
        self.image_id = f"process://{self._image.folder}"
        began, written = now(), self._log_file()
        try:
            if not argv:
                raise FileNotFoundError(0, "no command specified")
            pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            process = await process_tree.start(argv, self._env, self._cwd, **pipes)
        except OSError as error:
            return self._could_not_start(argv, error, began)
        return await self._live(process, written, began)

    def _could_not_start(self, argv: list[str], error: OSError, began: str) -> int:
        said = f'failed to start the program "{argv[0] if argv else ""}" in {self._cwd}: {error.strerror or error}'
        self.pod.note("Failed", f"Error: {said}", self)
        self._be(self._terminated(COULD_NOT_START, "StartError", began, said))
        return COULD_NOT_START

    async def _live(self, process: asyncio.subprocess.Process, written: ContainerLog, began: str) -> int:
        self.pid, self.started = process.pid, time.time()
        self._over.clear()
        self.pod.note("Created", f"Container created: {self.name}", self, warning=False)
        self.pod.note("Started", f"Container started: {self.name}", self, warning=False)
        assert process.stdout  # pipes
        assert process.stderr
        copies = [
            asyncio.create_task(written.copy(process.stdout, "stdout")),
            asyncio.create_task(written.copy(process.stderr, "stderr")),
        ]
        watching = [
            asyncio.create_task(work)
            for work in (container_lifecycle.attend(self), container_lifecycle.keep_to_memory(self))
        ]
        self._be({"running": {"startedAt": began}})
        try:
            code = await self._until_the_end(process, watching)
            await asyncio.wait(copies, timeout=1)
            code = code if code >= 0 else 128 - code
            self._be(self._terminated(code, self.reason or ("Completed" if code == 0 else "Error"), began))
            if 0 < code < ENDED_BY_SIGNAL:
                await self._note_taken_ports(written.path)
        finally:
            for task in copies:
                task.cancel()
            self._over.set()  # last: a waiter may cancel this task, and reports that were not written would be lost
        return code

    async def _until_the_end(self, process: asyncio.subprocess.Process, watching: list[asyncio.Task]) -> int:
        try:
            return await process.wait()
        finally:
            for task in watching:
                task.cancel()
            self._end_all()
            self.ready, self.pid = False, None

    async def _note_taken_ports(self, log: Path) -> None:
        """Write an event if the container failed because another program uses its port."""
        declared = {port["containerPort"] for port in self.spec.get("ports") or []}
        lived = time.time() - self.started
        for taken in await asyncio.to_thread(taken_ports.find, declared, self.pod.address, log, lived):
            self.pod.note("PortTaken", taken_ports.sentence(taken, self.pod.owner), self)

    def _terminated(self, code: int, reason: str, began: str, message: str = "") -> dict:
        told = {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": now(), "containerID": self.id}
        return {"terminated": {**told, "message": message} if message else told}

    def _log_file(self) -> ContainerLog:
        folder = self.pod.folder / "logs" / self.name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.restarts}.log"
        self.attempts.append(path)
        for old in self.attempts[:-KEPT_LOGS]:
            old.unlink(missing_ok=True)
            old.with_name(old.name + ".1").unlink(missing_ok=True)
        self.attempts = self.attempts[-KEPT_LOGS:]
        return ContainerLog(path)

    def _be(self, state: dict) -> None:
        self.state = state
        self.pod.changed()

    def _end_all(self) -> None:
        """Kill all processes of the container, also those that its program started in the background."""
        if self.pid:
            process_tree.kill(process_tree.whole(self.pid))
        process_tree.sweep(*self.pod.mark(self.name))

    async def stop(self, grace: float) -> None:
        """End the attempt: preStop, SIGTERM, and after the grace period SIGKILL; return when it has ended."""
        if not self.pid:
            await self._over.wait()
            return
        until = time.monotonic() + grace
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        # A preStop sleep gives balancers time to switch to other pods. When the node stops, its balancer stops first.
        if hook and not ("sleep" in hook and self.pod.node_leaves):
            hooking = asyncio.create_task(container_lifecycle.do(self, hook, max(0.0, grace)))
            over = asyncio.create_task(self._over.wait())
            await asyncio.wait((hooking, over), timeout=max(0.0, grace), return_when=asyncio.FIRST_COMPLETED)
            if hooking.done() and not hooking.cancelled() and (said := hooking.result()):
                self.pod.note("FailedPreStopHook", f"PreStopHook failed: {said}", self)
            for task in (hooking, over):
                task.cancel()
        if self.pid and not self._over.is_set():
            process_tree.kill([self.pid], signal.SIGTERM)
            # As a kubelet: two more seconds if the hook has used up the grace period.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), max(2.0 if grace else 0.0, until - time.monotonic()))
        if not self._over.is_set():
            self._end_all()
            await self._over.wait()

    def restart(self) -> None:
        """Restart the container after a resize, if its resize policy requires that."""
        if self.pid:
            self._resized = True
            self.pod.note("Killing", f"Container {self.name} resize requires restart", self, warning=False)
            self.pod.keep(asyncio.create_task(self.stop(self.pod.grace(self.spec, ""))))

    # -- after a restart of the agent

    def recall(self, status: dict) -> None:
        """Restore the state from the API server after a restart of the agent.

        A container that ran has ended with the agent, which counts as an end.
        """
        self.restarts = status.get("restartCount", 0)
        self.resources = status.get("resources") or self.resources
        state = status.get("state") or {}
        self.last_state = status.get("lastState") or {}
        self.id, self.image_id = status.get("containerID", ""), status.get("imageID", "")
        if "running" in state:
            cut = {"startedAt": state["running"]["startedAt"], "finishedAt": now(), "containerID": self.id}
            state = {
                "terminated": {**cut, "exitCode": KILLED, "reason": "Error", "message": "the node ended meanwhile"}
            }
        if "terminated" in state:
            if self._again(state["terminated"].get("exitCode", 0)):
                self.last_state = state
                self.restarts += 1
            else:
                self.state = state

    def status(self) -> dict:
        """Return the ContainerStatus."""
        told = {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": self.image_id,
            "ready": self.done() and self.exit_code() == 0 if self.init and not self.restarts_always else self.ready,
            "started": self.has_started and "running" in self.state,
            "restartCount": self.restarts,
            "state": whole(self.state),
            "lastState": whole(self.last_state),
            "resources": self.resources,
            "allocatedResources": self.resources.get("requests") or {},
        }
        return {**told, "containerID": self.id} if self.id else told
