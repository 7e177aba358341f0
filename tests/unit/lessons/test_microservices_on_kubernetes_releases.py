"""Releases in the check of exercise 07.1: which failures a pod has caused, how long probes take, and pauses."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kubernetes.client import V1Container, V1ExecAction, V1Lifecycle, V1LifecycleHandler, V1SleepAction
from services.payments.api import NOT_MADE, UNSURE
from workshop.lessons.microservices_on_kubernetes import releases
from workshop.load.traffic import Answer, Traffic


def test_a_slow_broker_is_no_fault_of_a_pod():
    good = Answer(0.1, 0.2, 201, "p", "1")
    cut = Answer(0.2, 0.2, 0, said="ReadError")
    unready = Answer(0.3, 0.2, 503, said=NOT_MADE)
    slow = Answer(0.4, 9.0, 503, said=UNSURE)
    assert releases.blamed(Traffic("", 1.0, answers=[good, cut, unready, slow])) == [cut, unready]


@pytest.mark.parametrize(
    ("container", "seconds"),
    [
        ({}, 2),
        ({"readinessProbe": {"periodSeconds": 1}}, 4),
        ({"readinessProbe": {"tcpSocket": {}}, "livenessProbe": {"periodSeconds": 50}}, 13),
        ({"startupProbe": {"periodSeconds": 1}, "readinessProbe": {"timeoutSeconds": 3, "initialDelaySeconds": 5}}, 22),
        ({"readinessProbe": {"periodSeconds": 600}}, 60),
    ],
)
def test_a_pod_is_observed_until_its_probes_have_asked_once(container: dict, seconds: float):
    assert releases.observed_for(container) == seconds


def sleeping(seconds: int) -> V1LifecycleHandler:
    return V1LifecycleHandler(sleep=V1SleepAction(seconds=seconds))


def running(*words: str) -> V1LifecycleHandler:
    return V1LifecycleHandler(_exec=V1ExecAction(command=list(words)))


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (None, 0.0),
        (sleeping(3), 3.0),
        (sleeping(0), 0.0),
        (running("sleep", "3"), 3.0),
        (running("sh", "-c", "sleep 2.5"), 2.5),
        (running("true"), 0.0),
    ],
)
def test_the_pause_is_that_of_the_pods(hook: V1LifecycleHandler | None, seconds: float):
    container = V1Container(name="payments", lifecycle=V1Lifecycle(pre_stop=hook) if hook else None)
    pods = SimpleNamespace(items=[SimpleNamespace(spec=SimpleNamespace(containers=[container]))])
    assert releases.pause_of(SimpleNamespace(list_namespaced_pod=lambda namespace, **more: pods)) == seconds
