"""Checks of lesson 07: they apply an answer to the running service and observe clients and pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workshop.lessons.microservices_on_kubernetes import changes, quarantine, restarts
from workshop.lessons.microservices_on_kubernetes import experiments as lesson
from workshop.lessons.microservices_on_kubernetes.releases import blamed, broken_release, pause_of
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

if TYPE_CHECKING:
    pass

# What the check of exercise 1 takes away from `payments` before it adds the answer.
FRAGILE = {"startupProbe": None, "readinessProbe": None, "livenessProbe": None, "lifecycle": None}
RATE = 40.0  # payments per second during a release
PROBE_FIELDS = {"httpGet", "tcpSocket", "exec", "grpc"}
SLOWEST = 60  # seconds within which a probe must notice that a program hangs


@exercise("07.1", "a release that nobody notices")
def quiet_release(ws: Connection, container: Any) -> str:
    """Replace the removed settings by the answer; no payment may fail during a good and a broken release under load."""
    unanswered(container is None, observed="`container` is None", expected="a dictionary of the container's settings")
    expect(
        isinstance(container, Mapping),
        observed=f"`container` is a {type(container).__name__}",
        expected='a dictionary such as {"readinessProbe": {...}}',
    )
    _known(container)
    api = lesson.ensure(ws, replicas=2)
    with _restored(ws):
        deployments.change(ws, {**FRAGILE, **container})
        pods.ready(api, deployments.APP, 2)
        good = changes.roll_out(ws, "next", RATE).traffic
        expect(
            not blamed(good),
            observed=f"while a good release came, {good.sentence()}",
            expected="0 failed",
            hint="when may a new pod get payments, and who still sends to one that leaves? See section 5",
        )
        broken = broken_release(ws, RATE)
        expect(
            not blamed(broken.traffic),
            observed=f"while a release came that never finds Kafka, {broken.traffic.sentence()}",
            expected="0 failed: its pods get no payments, so the old pods stay",
            hint="an open port, or a program that lives, is not yet ready for payments. Which path of `payments` says so?",
        )
        pause = pause_of(api)
    sent = len(good.answers) + len(broken.traffic.answers)
    return (
        f"a good and a broken release under load: {sent} payments, 0 failed because of a pod. {_about_the_pause(pause)}"
    )


@exercise("07.2", "a liveness probe that cures, and does no harm")
def liveness(ws: Connection, probe: Any) -> str:
    """Start a pod without Kafka, which must not be restarted; then let a program hang, which must be."""
    unanswered(probe is None, observed="`probe` is None", expected="a dictionary: a liveness probe, or {} for none")
    expect(
        isinstance(probe, Mapping) and (not probe or PROBE_FIELDS & set(probe)),
        observed=f"`probe` is {probe!r}",
        expected='a probe such as {"httpGet": {"path": ..., "port": 8080}}',
    )
    api = lesson.ensure(ws, replicas=2)
    with _restored(ws):
        deployments.change(ws, {"livenessProbe": dict(probe) or None})
        pods.ready(api, deployments.APP, 2)
        timing = restarts.timing(api)
        _expect_fast(timing)
        restarted = restarts.without_kafka(ws, api, timing)
        expect(
            not restarted,
            observed=f"a pod did not find Kafka, and Kubernetes restarted it ({restarted} times): that cured nothing",
            expected="0 restarts: the program is well, Kafka is not",
            hint="would a restart cure it? Ask the program about itself only; one of its paths does not depend on Kafka",
        )
        seconds = restarts.after_a_hang(ws, api, timing)
    expect(
        seconds is not None,
        observed="a program hung, and Kubernetes did not restart it",
        expected=f"a restart within {SLOWEST} s",
        hint="is there a probe? And does it ask the program itself: one that hangs may still accept connections",
    )
    return f"no restart without Kafka; when the program hung, Kubernetes decided to restart it after {seconds:.0f} s"


@exercise("07.3", "out of the Service, and still running")
def taken_out(ws: Connection, suspect: Any) -> str:
    """One pod runs on without payments, and three others serve in its place."""
    expect(
        isinstance(suspect, str),
        observed=f"`suspect` is a {type(suspect).__name__}",
        expected="the name of a pod",
        hint="run the cell that begins with `suspect =` again",
    )
    api = pods.core(ws)
    pod = quarantine.find(api, suspect)
    expect(
        pod is not None and not pod.metadata.deletion_timestamp,
        observed=f"the pod {suspect} was deleted",
        expected="it runs, so that you can examine it",
        hint="run the cell that begins with `suspect =` again: it chooses another pod. Do not delete it, change its labels",
    )
    unanswered(
        quarantine.untouched(pod),
        observed=f"{suspect} has the labels of its Deployment, so the Service sends payments to it",
        expected="a pod that the Service and the ReplicaSet do not select",
    )
    expect(
        not quarantine.owned(pod),
        observed=f"{suspect} still belongs to its ReplicaSet, which therefore starts no other pod",
        expected="three other pods",
        hint="which label does the selector of the ReplicaSet name? `kubectl get replicasets -o wide` shows it",
    )
    others = quarantine.others(api, suspect)
    expect(
        len(others) == lesson.REPLICAS,
        observed=f"{len(others)} other pods are ready",
        expected=f"{lesson.REPLICAS}",
        hint="the ReplicaSet replaces a pod that its selector does not match any more; run the check once more in a moment",
    )
    traffic = lesson.send(ws.payments, 30)
    answered = traffic.by_pod()
    expect(
        not answered[suspect],
        observed=f"{suspect} answered {answered[suspect]} of {len(traffic.answers)} payments",
        expected="none: the Service sends nothing to it",
        hint="the Service has a selector of its own: `kubectl get service payments -o wide`. Does the pod still match it?",
    )
    return f"{suspect} runs, and answered 0 of {len(traffic.answers)} payments; {len(answered)} other pods did"


def _about_the_pause(pause: float) -> str:
    if pause:
        return f"A pod that leaves goes on answering for {pause:g} s before it receives SIGTERM."
    return (
        "Your pods receive SIGTERM without a pause. This program goes on answering for a second or more after it; "
        "one that ends at once would need a `preStop` pause."
    )


def _expect_fast(timing: restarts.Timing | None) -> None:
    expect(
        timing is None or timing.noticed <= SLOWEST,
        observed=f"this probe needs up to {timing.noticed if timing else 0} s to notice a program that hangs "
        "(`periodSeconds` × `failureThreshold`)",
        expected=f"at most {SLOWEST} s",
        hint="ask more often, or restart after fewer failures; the defaults are 10 s and 3",
    )


def _known(container: Mapping) -> None:
    """Refuse unknown field names, which Kubernetes would drop silently."""
    from kubernetes.client import V1Container

    unknown = ", ".join(f"`{name}`" for name in container if name not in V1Container.attribute_map.values())
    expect(
        not unknown,
        observed=f"a container has no field {unknown}",
        expected="the names that a manifest has",
        hint="`kubectl explain deployment.spec.template.spec.containers` lists them",
    )


@contextmanager
def _restored(ws: Connection) -> Iterator[None]:
    try:
        yield
    finally:
        deployments.restore(ws)


questions = quick_questions(
    "07",
    Question(
        "b",
        a="That would be `Ready`. A program can run for an hour and never be ready, as in section 6.",
        b="`Running` is a phase of the pod, reported by the kubelet: at least one container runs, or is starting. Whether "
        "the pod gets requests depends on its readiness.",
        c="The budget counts ready pods when somebody wants to evict one; it does not decide about phases.",
    ),
    Question(
        "c",
        a="With `minAvailable: 1` the only pod must stay: no drain can evict it, ever. The release of a node waits until "
        "somebody scales up.",
        b="`maxUnavailable: 0` allows no eviction at all.",
        c="One pod may be unavailable, so the only one may be evicted. Nobody answers until its successor is ready: good for "
        "`debits`, whose payments wait in Kafka, bad for `payments`.",
        d="A budget is about evictions. It does not hinder the deletion of a pod, nor a node that fails.",
    ),
    Question(
        "a",
        a="A Service distributes connections. The open one stays with its pod, so the new pods get nothing from this client.",
        b="That would need a proxy that understands HTTP: a Service forwards whole connections.",
        c="The Service sends to every ready pod that its selector matches; a restart is not needed.",
    ),
)
