"""In-place resize: change of the resources of a pod's containers while they run, as in a kubelet.

A node has no cgroups: only the memory limit has an effect, because the agent enforces it. CPU counts for the scheduler and
the autoscaler. Messages and reasons are those of `pkg/kubelet/allocation` in Kubernetes 1.37.
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
RETRY = 1.0  # seconds until a deferred resize is retried
Conditions = dict[str, tuple[str, str]]  # type to reason and message


class Resizing:
    """Applies the resources in a pod's manifest; `run` returns when it is cancelled.

    Attributes:
        conditions: the conditions of a resize that is not complete.
    """

    def __init__(self, pod: ResizablePod) -> None:
        self.conditions: Conditions = {}
        self._pod = pod
        self._due = asyncio.Event()

    def look(self) -> None:
        """Check a new manifest for changed resources."""
        if self._changing() or self.conditions:
            self._due.set()

    async def run(self) -> None:
        """Grant resizes, at once or as soon as the node has the capacity, and apply them."""
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
        """Return why the node refuses a resize: infeasible (above the capacity), or deferred (in use)."""
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
        """Return a message if the container uses more memory than the new limit.

        The limit would kill it, so the resize waits.
        """
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
    """Return the capacity of a node: cores, and bytes of memory."""
    return {
        "cpu": float(os.cpu_count() or 1),
        "memory": float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
    }


def memory_limit(resources: dict) -> float:
    """Return the memory limit of a container in bytes; 0 means no limit."""
    return quantity((resources.get("limits") or {}).get("memory") or 0)


def requested(resources: dict, name: str) -> float:
    """Return the request of a container; without one, the API server has set it to the limit."""
    return quantity((resources.get("requests") or {}).get(name) or 0)


def _of(resources: dict, name: str) -> tuple[float, float]:
    limits = quantity((resources.get("limits") or {}).get(name) or 0)
    return requested(resources, name), limits


def _restarting(one: ResizableContainer) -> set[str]:
    """Return the resources whose change requires a restart of this container."""
    policies = one.spec.get("resizePolicy") or []
    return {policy["resourceName"] for policy in policies if policy.get("restartPolicy") == "RestartContainer"}


def _whole(name: str, amount: float) -> int:
    """Return an amount as in a kubelet's messages: CPU in thousandths of a core, memory in bytes."""
    return round(amount * 1000) if name == "cpu" else round(amount)
