"""What Kubernetes says of a pod, told as a sentence; pods are played."""

from __future__ import annotations

from types import SimpleNamespace as Played

import pytest
from kubernetes import client
from workshop.notebook.pods import _state
from workshop.stack.kubernetes import explain


def pod(
    *, conditions: dict[str, tuple[str, str, str]], waiting: str = "", ended: tuple[str, int] | None = None
) -> client.V1Pod:
    """A pod: condition to (status, reason, message); why its container waits; how it ended before."""
    listed = [client.V1PodCondition(type=t, status=s, reason=r, message=m) for t, (s, r, m) in conditions.items()]
    state = client.V1ContainerState(waiting=client.V1ContainerStateWaiting(reason=waiting) if waiting else None)
    last = client.V1ContainerState()
    if ended:
        last.terminated = client.V1ContainerStateTerminated(reason=ended[0], exit_code=ended[1])
    status = client.V1ContainerStatus(
        name="payments", image="i", image_id="", ready=False, restart_count=2, state=state, last_state=last
    )
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name="payments-1", uid="u", labels={}),
        spec=client.V1PodSpec(containers=[client.V1Container(name="payments")]),
        status=client.V1PodStatus(phase="Pending", conditions=listed, container_statuses=[status]),
    )


def api(reason: str = "", message: str = "") -> Played:
    events = [Played(reason=reason, message=message, last_timestamp="1", event_time=None)] if reason else []
    return Played(list_namespaced_event=lambda *_, **__: Played(items=events))


PLACED = {"PodScheduled": ("True", "", "")}


@pytest.mark.parametrize(
    ("seen", "event", "says"),
    [
        (
            pod(
                conditions={
                    "PodScheduled": ("False", "Unschedulable", "0/4 nodes are available: 3 Insufficient memory.")
                }
            ),
            (),
            "waits for a node: 0/4 nodes are available: 3 Insufficient memory.",
        ),
        (
            pod(conditions=PLACED, waiting="ErrImagePull"),
            ("Failed", "no such image"),
            "is the name right? (Failed: no such image)",
        ),
        (
            pod(conditions=PLACED, waiting="CreateContainerConfigError"),
            (),
            "environment or volumes refer to is missing",
        ),
        (pod(conditions=PLACED, waiting="CrashLoopBackOff", ended=("Error", 1)), (), "ends again and again"),
        (
            pod(conditions=PLACED, waiting="CrashLoopBackOff", ended=("OOMKilled", 137)),
            (),
            "more memory than its limit",
        ),
        (
            pod(conditions=PLACED),
            ("Unhealthy", "Readiness probe failed: 503"),
            "runs and is not ready (Unhealthy: Readiness",
        ),
        (pod(conditions=PLACED), (), "is starting"),
    ],
)
def test_each_trouble_has_its_sentence(seen: client.V1Pod, event: tuple, says: str):
    assert says in explain.of_pod(api(*event), seen)


def test_of_a_ready_pod_nothing_is_said():
    seen = pod(conditions={"Ready": ("True", "", "")})
    assert explain.of_pod(api(), seen) == ""
    assert _state(seen) == ("ready", "")


def test_a_pod_that_no_node_takes_waits_and_one_that_creates_its_container_starts():
    assert _state(pod(conditions={"PodScheduled": ("False", "Unschedulable", "")})) == ("waiting", "Unschedulable")
    assert _state(pod(conditions=PLACED, waiting="ContainerCreating")) == ("not ready", "")
    assert _state(pod(conditions=PLACED, waiting="ErrImagePull")) == ("waiting", "ErrImagePull")
