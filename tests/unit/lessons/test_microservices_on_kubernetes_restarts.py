"""Restarts in the check of exercise 07.2: the timing of a probe, and how decisions to restart are counted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kubernetes.client import V1Probe
from workshop.lessons.microservices_on_kubernetes import restarts


def event(name: str | None, message: str, count: int | None = 1) -> SimpleNamespace:
    return SimpleNamespace(involved_object=SimpleNamespace(name=name), message=message, count=count)


def api(*events: SimpleNamespace, probe: V1Probe | None = None) -> SimpleNamespace:
    pod = SimpleNamespace(spec=SimpleNamespace(containers=[SimpleNamespace(liveness_probe=probe)]))
    return SimpleNamespace(
        list_namespaced_event=lambda namespace, **more: SimpleNamespace(items=events),
        list_namespaced_pod=lambda namespace, **more: SimpleNamespace(items=[pod]),
    )


def test_decisions_are_those_of_a_liveness_probe():
    told = api(
        event("payments-1", "Container payments failed liveness probe, will be restarted", 2),
        event("payments-2", "failed liveness probe", None),
        event("payments-1", "failed startup probe"),
        event("debits-1", "failed liveness probe"),
        event(None, "failed liveness probe"),
    )
    assert restarts._decisions(told) == 3


def test_failures_are_those_of_a_liveness_probe():
    told = api(event("payments-1", "Liveness probe failed: 503", 4), event("payments-1", "Readiness probe failed: 503"))
    assert restarts._failures(told) == 4


@pytest.mark.parametrize(
    ("probe", "asked", "noticed"),
    [
        (V1Probe(), 19, 30),
        (V1Probe(period_seconds=2, failure_threshold=2, timeout_seconds=2), 12, 4),
        (V1Probe(period_seconds=60, initial_delay_seconds=5), 74, 180),
    ],
)
def test_the_timing_of_a_probe_is_that_of_its_fields_or_of_the_defaults(probe: V1Probe, asked: float, noticed: float):
    assert restarts.timing(api(probe=probe)) == restarts.Timing(asked, noticed)


def test_pods_without_a_probe_have_no_timing():
    assert restarts.timing(api()) is None


def started(name: str, *, started: bool | None, restarts: int = 0) -> SimpleNamespace:
    status = SimpleNamespace(container_statuses=[SimpleNamespace(started=started, restart_count=restarts)])
    return SimpleNamespace(metadata=SimpleNamespace(name=name), status=status)


@pytest.mark.parametrize(
    ("pod", "asked"),
    [
        (started("new", started=False), False),
        (started("new", started=True), True),
        (started("new", started=False, restarts=1), True),
        (started("old", started=True), False),
    ],
)
def test_a_liveness_probe_asks_when_the_startup_probe_has_succeeded(pod: SimpleNamespace, asked: bool):
    told = SimpleNamespace(list_namespaced_pod=lambda namespace, **more: SimpleNamespace(items=[pod]))
    assert restarts._started(told, {"new"}) is asked
