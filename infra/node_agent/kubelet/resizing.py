"""In-place resize: the resources of a pod's containers change while these run, as a kubelet does it.

A node has no cgroups: what really changes is the memory limit, to which the agent keeps a container. CPU counts for the
scheduler and the autoscaler. Words and reasons are those of `pkg/kubelet/allocation` in Kubernetes 1.37.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from node_agent.kubelet.fields import quantity
from node_agent.kubelet.owners import ResizableContainer, ResizablePod
from node_agent.processes import process_tree

PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
INFEASIBLE, DEFERRED, FAILED = "Infeasible", "Deferred", "Error"
RETRY = 1.0  # seconds until a resize that has to wait is tried again
Conditions = dict[str, tuple[str, str]]  # type to reason and message


class Resizing:
    """Follows what a pod's manifest wants; `run` works until it is cancelled.

    Attributes:
        conditions: those of a resize that is not complete.
    """

    def __init__(self, pod: ResizablePod) -> None:
        self.conditions: Conditions = {}
        self._pod = pod
        self._due = asyncio.Event()

    def look(self) -> None:
        """The manifest is another one."""
        if self._changing() or self.conditions:
            self._due.set()

    async def run(self) -> None:
        """Grant what is wanted, now or as soon as there is room, and bring it into effect."""
        while True:
            self._due.clear()
            await self._resize()
            waits = self.conditions.get(PENDING, ("", ""))[0] == DEFERRED or IN_PROGRESS in self.conditions
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), RETRY if waits else None)

    def _changing(self) -> list[ResizableContainer]:
        return [one for one in self._pod.resizable() if self._wanted(one) != one.resources]

    def _wanted(self, one: ResizableContainer) -> dict:
        spec = self._pod.manifest["spec"]
        containers = [*spec["containers"], *(spec.get("initContainers") or [])]
        return next((each.get("resources") or {} for each in containers if each["name"] == one.name), {})

    async def _resize(self) -> None:
        changing = self._changing()
        if not changing:
            self._tell({})
        elif refusal := self._refusal():
            self._tell({PENDING: refusal})
        elif held := [said for one in changing if (said := self._holds_more(one))]:
            self._tell({IN_PROGRESS: (FAILED, held[0])})
        else:
            for one in changing:
                self._grant(one)
            self._tell({})
            self._note("ResizeCompleted", "Pod resize completed", warning=False)

    def _grant(self, one: ResizableContainer) -> None:
        before, one.resources = one.resources, self._wanted(one)
        if any(_of(before, name) != _of(one.resources, name) for name in _restarting(one)):
            one.restart()

    def _refusal(self) -> tuple[str, str] | None:
        """Why the node does not grant it: never (more than the machine has), or not now (others have it)."""
        others = self._pod.neighbours()
        for name, capacity in capacities().items():
            asked = sum(requested(self._wanted(one), name) for one in self._pod.resizable())
            used = sum(requested(one.resources, name) for pod in others for one in pod.resizable())
            told = f"{name}, requested: {_whole(name, asked)}"
            if asked > capacity:
                said = f"Node didn't have enough capacity: {told}, capacity: {_whole(name, capacity)}"
                return INFEASIBLE, said
            if asked + used > capacity:
                figures = f"{told}, used: {_whole(name, used)}, capacity: {_whole(name, capacity)}"
                return DEFERRED, f"Node didn't have enough resource: {figures}"
        return None

    def _holds_more(self, one: ResizableContainer) -> str:
        """A limit below what is held would end the container: the resize waits until it holds less."""
        limit = memory_limit(self._wanted(one)) if "memory" not in _restarting(one) else 0
        held = process_tree.resident(process_tree.whole(one.pid)) if one.pid and limit else 0
        if held <= limit:
            return ""
        return f"attempting to set container memory limit ({limit:.0f}) below current usage ({held}) of {one.name}"

    def _tell(self, conditions: Conditions) -> None:
        if conditions == self.conditions:
            return
        before, self.conditions = self.conditions, conditions
        for kind, (reason, message) in conditions.items():
            if kind not in before or before[kind][0] != reason:
                event = {INFEASIBLE: "ResizeInfeasible", DEFERRED: "ResizeDeferred", FAILED: "ResizeError"}[reason]
                self._note(event, f"Pod resize {reason}: {message}", warning=True)
        self._pod.changed()

    def _note(self, reason: str, message: str, *, warning: bool) -> None:
        self._pod.note(reason, message, warning=warning)
        self._pod.changed()


def capacities() -> dict[str, float]:
    """What a node has: cores, and bytes of memory."""
    return {
        "cpu": float(os.cpu_count() or 1),
        "memory": float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
    }


def memory_limit(resources: dict) -> float:
    """Bytes that a container may hold; 0 for any number."""
    return quantity((resources.get("limits") or {}).get("memory") or 0)


def requested(resources: dict, name: str) -> float:
    """What is set aside for a container: its request, which the API server takes from the limit where there is none."""
    return quantity((resources.get("requests") or {}).get(name) or 0)


def _of(resources: dict, name: str) -> tuple[float, float]:
    limits = quantity((resources.get("limits") or {}).get(name) or 0)
    return requested(resources, name), limits


def _restarting(one: ResizableContainer) -> set[str]:
    """The resources of which a change needs a restart of this container."""
    policies = one.spec.get("resizePolicy") or []
    return {policy["resourceName"] for policy in policies if policy.get("restartPolicy") == "RestartContainer"}


def _whole(name: str, amount: float) -> int:
    """As a kubelet writes it: CPU in thousandths, memory in bytes."""
    return round(amount * 1000) if name == "cpu" else round(amount)
