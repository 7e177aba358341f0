"""Status of a pod, as a kubelet reports it: phase, conditions, addresses, containers."""

from __future__ import annotations

from node_agent.kubelet.events import now
from node_agent.kubelet.owners import ContainerState, PodState
from node_agent.kubelet.resizing import IN_PROGRESS, PENDING

WHOLE = {"$patch": "replace"}  # in a strategic merge patch: replaces the list instead of adding to it


def of_pod(pod: PodState) -> dict:
    """Return the current PodStatus of a pod."""
    phase = _phase(pod)
    told = {
        "phase": phase,
        "conditions": _conditions(pod, phase),
        "hostIP": pod.host_address,
        "hostIPs": [WHOLE, {"ip": pod.host_address}],
        "startTime": pod.started_at,
        "qosClass": (pod.manifest.get("status") or {}).get("qosClass") or "BestEffort",
        "containerStatuses": [one.status() for one in pod.mains],
        "observedGeneration": pod.manifest["metadata"].get("generation", 0),
    }
    if pod.sandboxed:
        told |= {"podIP": pod.api_address, "podIPs": [WHOLE, {"ip": pod.api_address}]}
    if pod.inits:
        told["initContainerStatuses"] = [one.status() for one in pod.inits]
    if pod.failed_for:
        told |= {"reason": pod.failed_for[0], "message": pod.failed_for[1]}
    return told


def _phase(pod: PodState) -> str:
    if pod.failed_for and all(one.ended() for one in [*pod.inits, *pod.mains]):
        return "Failed"
    if any(_failed_for_good(pod, one) for one in pod.inits if not one.restarts_always):
        return "Failed"
    if not pod.initialized:
        return "Pending"
    if all(one.done() for one in pod.mains) and not _will_go_on(pod):
        return "Succeeded" if all(one.exit_code() == 0 for one in pod.mains) else "Failed"
    if all("waiting" in one.state and not one.last_state for one in pod.mains):
        return "Pending"
    return "Running"


def _failed_for_good(pod: PodState, one: ContainerState) -> bool:
    return one.done() and one.exit_code() != 0 and pod.policy == "Never"


def _will_go_on(pod: PodState) -> bool:
    """Return whether a container that ended will be restarted."""
    if pod.leaving:
        return False
    return pod.policy == "Always" or (pod.policy == "OnFailure" and any(one.exit_code() != 0 for one in pod.mains))


def _conditions(pod: PodState, phase: str) -> list[dict]:
    names = [one.name for one in pod.mains if not one.ready]
    unready = f"containers with unready status: [{' '.join(names)}]"
    over = phase in ("Succeeded", "Failed")
    reason = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "ContainersNotReady")
    gates = _gates(pod)
    waiting = [one.name for one in pod.inits if not one.done() and not one.restarts_always]
    ready = not names and not over and pod.initialized
    found = {
        "PodReadyToStartContainers": (pod.sandboxed and not over, "", ""),
        "Initialized": (
            pod.initialized,
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(waiting)}]",
        ),
        "Ready": (ready and not gates, reason if not ready else "ReadinessGatesNotReady", gates or unready),
        "ContainersReady": (ready, reason, unready),
        "PodScheduled": (True, "", ""),
    }
    return [
        *(_condition(pod, kind, *told, over=over) for kind, told in found.items()),
        *_resize_conditions(pod),
    ]


def _resize_conditions(pod: PodState) -> list[dict]:
    """Return the conditions of a pending or running resize; a completed one is deleted."""
    now_true, before = pod.resize_conditions, _before(pod)
    return [
        _condition(pod, kind, True, *now_true[kind], over=False, keep=True)
        if kind in now_true
        else {"$patch": "delete", "type": kind}
        for kind in (PENDING, IN_PROGRESS)
        if kind in now_true or kind in before
    ]


def _before(pod: PodState) -> dict[str, dict]:
    """Return the conditions in the API server, by type."""
    told = pod.told.get("conditions") or (pod.manifest.get("status") or {}).get("conditions") or []
    return {one["type"]: one for one in told}


def _condition(
    pod: PodState, kind: str, good: bool, reason: str, message: str, *, over: bool, keep: bool = False
) -> dict:
    """Return a condition for the patch; with `keep`, a true condition has its reason too."""
    before, word = _before(pod).get(kind, {}), "True" if good else "False"
    since = before.get("lastTransitionTime") if before.get("status") == word else None
    told = {"type": kind, "status": word, "lastTransitionTime": since or now(), "lastProbeTime": None}
    told["observedGeneration"] = pod.manifest["metadata"].get("generation", 0)
    if good and not keep and not (kind == "Initialized" and over):
        return told | {"reason": None, "message": None}
    return told | {"reason": reason or None, "message": None if over else message or None}


def _gates(pod: PodState) -> str:
    """Return a message about readiness gates that are not True; other programs set them."""
    held = {one["type"]: one["status"] for one in (pod.manifest.get("status") or {}).get("conditions") or []}
    gates = [gate["conditionType"] for gate in pod.manifest["spec"].get("readinessGates") or []]
    shut = [gate for gate in gates if held.get(gate) != "True"]
    return f"the status of pod readiness gate(s) {', '.join(shut)} is not True" if shut else ""
