"""Explanation of why a pod is not ready, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workshop.stack.kubernetes.kubectl import APP, namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api, V1ContainerStatus, V1Pod

WHY_WAITING = {
    "ErrImagePull": "its image cannot be brought to the node: is the name right?",
    "ImagePullBackOff": "its image cannot be brought to the node: is the name right?",
    "InvalidImageName": "its image name is invalid",
    "ErrImageNeverPull": "its image is not on the node, and may not be fetched",
    "CreateContainerConfigError": "an object that its environment or volumes refer to is missing",
    "CreateContainerError": "its container could not be made",
    "RunContainerError": "its program could not be started",
    "CrashLoopBackOff": "its program ends again and again; Kubernetes waits longer each time before it restarts it",
}


def of_pods(api: CoreV1Api, app: str) -> str:
    """Return a line for each pod of a deployment that is not ready; empty if all are ready."""
    found = api.list_namespaced_pod(namespace_of(api), label_selector=f"{APP}={app}", _request_timeout=10).items
    lines = {text for pod in found if (text := of_pod(api, pod))}
    return "\n".join(sorted(lines))


def of_pod(api: CoreV1Api, pod: V1Pod) -> str:
    """Return the reason why this pod is not ready; empty if it is."""
    assert pod.metadata  # the API server always sends these parts
    assert pod.status
    conditions = {c.type: c for c in pod.status.conditions or []}
    if "Ready" in conditions and conditions["Ready"].status == "True":
        return ""
    placed = conditions.get("PodScheduled")
    if placed and placed.status == "False":
        return f"{pod.metadata.name} waits for a node: {placed.message}"
    for status in pod.status.container_statuses or []:
        if text := _of_container(status):
            return f"{pod.metadata.name}: {text}{_latest_event(api, pod)}"
    if probes := _latest_event(api, pod, "Unhealthy"):
        return f"{pod.metadata.name} runs and is not ready{probes}"
    return f"{pod.metadata.name} is starting"


def _of_container(status: V1ContainerStatus) -> str:
    now, last = status.state, status.last_state.terminated if status.last_state else None
    waiting = now.waiting if now else None
    ended = (now.terminated if now else None) or last
    if ended and ended.reason == "OOMKilled":
        return "it took more memory than its limit allows, and was killed (OOMKilled)"
    if waiting and waiting.reason in WHY_WAITING:
        return f"{waiting.reason}: {WHY_WAITING[waiting.reason]}"
    if ended and ended.exit_code:
        return f"its program ended with code {ended.exit_code}"
    return ""


def _latest_event(api: CoreV1Api, pod: V1Pod, reason: str = "") -> str:
    """Return the latest warning about a pod, as `kubectl describe` shows it."""
    assert pod.metadata
    selector = f"involvedObject.uid={pod.metadata.uid},type=Warning"
    events = api.list_namespaced_event(namespace_of(api), field_selector=selector, _request_timeout=10).items
    chosen = [event for event in events if not reason or event.reason == reason]
    if not chosen:
        return ""
    last = max(chosen, key=lambda event: str(event.last_timestamp or event.event_time or ""))
    return f" ({last.reason}: {(last.message or '').strip()})"
