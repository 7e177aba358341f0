"""Kubernetes of the backend `local`: a control plane in one process, and pods as processes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.plain_path import plain
from workshop.base.processes import Component, Processes, kept_by, kept_running, work_of
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import Seen, nobody, over, wait_while_progressing
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.controlplane import build
from workshop.stack.kubernetes.controlplane.plane import NAME as PLANE
from workshop.stack.kubernetes.controlplane.plane import WORKERS, ControlPlane

AGENT = "node-agent"
SLACK = 0.1  # timer slack of the agent in seconds; processes that it starts have the usual slack
PAYMENTS_NODE_PORT = 30080  # infra/deploy/kubernetes/services/payments.yaml
PRIVATE = Path(f"/tmp/workshop-{os.getuid()}")  # noqa: S108 (the owner is checked)


def is_wanted(settings: Settings) -> bool:
    """Return whether Kubernetes is switched on and the system supports it.

    Pods listen on addresses of the whole 127.0.0.0/8 and must die with their agent, which needs Linux.
    """
    return settings.kubernetes and sys.platform == "linux"


class LocalKubernetes:
    """The control plane and the node agent of one stack."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self.settings, self.ports = settings, ports
        self.processes = Processes(settings.state)
        self.plane = ControlPlane(settings, ports)
        self.folder = settings.state / "kubernetes"

    def start(self) -> None:
        """Start what does not run, and restart lost nodes; return before the API answers."""
        self.start_plane()
        for name in self._lost():
            self.find_node(name)
        write_atomically(self.folder / "agent.json", json.dumps(self._agent_settings(), indent=1))
        self.processes.start(kept_running(self._agent()))

    def start_plane(self) -> None:
        """Start only the control plane, unless it runs."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the folder contains secrets that pods mount
        self.processes.start(kept_running(self.plane.component()))

    def wait(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until the control plane answers and its three nodes are ready.

        Raises:
            WorkshopError: they are not ready in time; the detail is the end of a log.
        """
        self.plane.wait(tell)
        self.plane.first_objects()
        wait_while_progressing(
            self._look_at_nodes,
            self.settings.patience,
            every=0.2,
            tell=tell,
            next_step=f"`workshop logs {AGENT}` shows more; `workshop up` goes on.",
            detail=lambda: self.processes.tail(AGENT, 8),
        )

    def lose_node(self, name: str) -> None:
        """Stop a node as in a power failure: its pods' processes end, and it stops reporting."""
        (self.folder / "nodes" / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "nodes" / name / "lost").touch()

    def find_node(self, name: str) -> None:
        """Restart a lost node."""
        (self.folder / "nodes" / name / "lost").unlink(missing_ok=True)

    def node_states(self) -> dict[str, str]:
        """Return `running` or `stopped` by node name."""
        running, lost = AGENT in self.processes.running(), self._lost()
        return {name: "running" if running and name not in lost else "stopped" for name in WORKERS}

    def _lost(self) -> set[str]:
        return {path.parent.name for path in (self.folder / "nodes").glob("*/lost")}

    def pods(self) -> dict[str, dict]:
        """Return the workshop's pods for `workshop status`; empty while the control plane does not answer."""
        if PLANE not in self.processes.running():
            return {}
        with suppress(WorkshopError, ValueError):
            return kubectl.pod_states(self.settings)
        return {}

    def _look_at_nodes(self) -> Seen[bool]:
        self._must_run()
        ready = set()
        with suppress(WorkshopError):
            nodes = kubectl.get(self.settings, "nodes")["items"]
            ready = {node["metadata"]["name"] for node in nodes if _is_ready(node)}
        missing = [name for name in WORKERS if name not in ready]
        if not missing:
            return over(True)
        text = f"{', '.join(missing)} to be ready ({len(WORKERS) - len(missing)} of {len(WORKERS)} nodes)"
        return Seen(text, work_of([kept_by(self.processes.recorded(AGENT))]))

    def _must_run(self) -> None:
        for name in (PLANE, AGENT):
            if name not in self.processes.running():
                raise WorkshopError(
                    f"{name} ended. The end of its log:",
                    f"`workshop logs {name}` shows all of it; `workshop up` starts it again.",
                    self.processes.tail(name, 8),
                )

    def _agent(self) -> Component:
        argv = (sys.executable, "-m", "node_agent.agent", str(self.folder / "agent.json"))
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "MALLOC_ARENA_MAX": "2"}  # small thread heaps
        ports = (self.ports.kubelet, self.ports.metrics)
        return Component(AGENT, argv, env, cwd=self.folder, ports=ports, grace=20, slack=SLACK)

    def _agent_settings(self) -> dict:
        return {
            "api": f"https://127.0.0.1:{self.ports.api}",
            "folder": str(plain(self.folder, (self.settings.cache / "paths", PRIVATE))),
            "root": str(self.settings.root),
            "first_port": self.ports.first,
            "kubelet_port": self.ports.kubelet,
            "metrics_port": self.ports.metrics,
            "host_ports": {str(self.ports.payments): PAYMENTS_NODE_PORT},
            "nodes": list(WORKERS),
        }


def is_built(settings: Settings) -> bool:
    """Return whether the control plane's program exists."""
    return build.find(settings) is not None


def provide(settings: Settings, timeline: Timeline) -> None:
    """Build or download the control plane's program in the foreground."""
    if not is_built(settings):
        with timeline.step("Kubernetes' control plane, compiled once (about six minutes)"):
            build.build(settings)


def _is_ready(node: dict) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", []))
