"""The checks of lesson 07 before a pod is changed, and the sentences of their verdicts. No cluster is asked."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from workshop.lessons.microservices_on_kubernetes import checks
from workshop.lessons.microservices_on_kubernetes.restarts import Timing
from workshop.load.traffic import Answer
from workshop.notebook.exercises import Verdict, engine

WS = SimpleNamespace(settings=None, payments="")
FAILED = Answer(1.0, 0.1, 0, said="ConnectError")
GOOD = Answer(1.0, 0.1, 201, "payments-2", "1")


@pytest.fixture(autouse=True)
def own_state(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


def lines(verdict: Verdict) -> dict[str, str]:
    return dict(verdict.lines)


def test_a_field_that_a_container_does_not_have_is_named():
    checks._known({"readinessProbe": {}, "lifecycle": {}, "terminationMessagePath": ""})
    with pytest.raises(engine._Unmet) as told:
        checks._known({"readynessProbe": {}, "image": "x", "preStop": {}})
    assert dict(told.value.lines)["observed"] == "a container has no field `readynessProbe`, `preStop`"


@pytest.mark.parametrize(
    ("probe", "word"), [(None, "unanswered"), ([], "not yet"), ({"path": "/healthz"}, "not yet"), ("text", "not yet")]
)
def test_what_is_no_probe_changes_no_pod(probe: object, word: str):
    assert checks.liveness(WS, probe).word == word


@pytest.mark.parametrize(("container", "word"), [(None, "unanswered"), ([], "not yet"), ({"probe": 1}, "not yet")])
def test_what_are_no_settings_change_no_pod(container: object, word: str):
    assert checks.quiet_release(WS, container).word == word


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A cluster that is never asked; its attributes are what is observed."""
    seen = SimpleNamespace(
        good=[GOOD], broken=[GOOD], pause=3.0, timing=Timing(12, 30), restarted=0, hung=25.0, restored=0
    )

    def traffic(answers: list[Answer]) -> SimpleNamespace:
        from workshop.load.traffic import Traffic

        return SimpleNamespace(traffic=Traffic("", 1.0, answers=answers))

    def restore(ws: object) -> None:
        seen.restored += 1

    monkeypatch.setattr(checks.lesson, "ensure", lambda ws, replicas: None)
    monkeypatch.setattr(checks.deployments, "change", lambda ws, container: None)
    monkeypatch.setattr(checks.deployments, "restore", restore)
    monkeypatch.setattr(checks.pods, "ready", lambda api, app, count: None)
    monkeypatch.setattr(checks.changes, "roll_out", lambda ws, release, rate: traffic(seen.good))
    monkeypatch.setattr(checks, "broken_release", lambda ws, rate: traffic(seen.broken))
    monkeypatch.setattr(checks, "pause_of", lambda api: seen.pause)
    monkeypatch.setattr(checks.restarts, "timing", lambda api: seen.timing)
    monkeypatch.setattr(checks.restarts, "without_kafka", lambda ws, api, timing: seen.restarted)
    monkeypatch.setattr(checks.restarts, "after_a_hang", lambda ws, api, timing: seen.hung)
    return seen


@pytest.mark.parametrize(("pause", "says"), [(3.0, "for 3 s before it receives SIGTERM"), (0.0, "without a pause")])
def test_a_release_is_judged_by_its_payments_and_the_pause_is_explained(
    cluster: SimpleNamespace, pause: float, says: str
):
    cluster.pause = pause
    verdict = checks.quiet_release(WS, {"readinessProbe": {}})
    assert verdict.word == "passed"
    assert says in lines(verdict)["observed"]
    assert cluster.restored == 1


@pytest.mark.parametrize(("which", "says"), [("good", "while a good release came"), ("broken", "never finds Kafka")])
def test_failed_payments_are_counted_and_the_service_is_restored(cluster: SimpleNamespace, which: str, says: str):
    setattr(cluster, which, [GOOD, FAILED])
    verdict = checks.quiet_release(WS, {})
    assert verdict.word == "not yet"
    assert says in lines(verdict)["observed"]
    assert "1 of 2 payments failed: 1 × ConnectError" in lines(verdict)["observed"]
    assert cluster.restored == 1


PROBE = {"httpGet": {"path": "/healthz", "port": 8080}}


def test_a_probe_that_cures_and_does_no_harm_passes(cluster: SimpleNamespace):
    verdict = checks.liveness(WS, PROBE)
    assert verdict.word == "passed"
    assert "after 25 s" in lines(verdict)["observed"]


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"restarted": 2}, "restarted it (2 times): that cured nothing"),
        ({"hung": None}, "a program hung, and Kubernetes did not restart it"),
        ({"timing": Timing(62, 180)}, "up to 180 s to notice"),
    ],
)
def test_a_probe_is_judged_by_the_restarts(cluster: SimpleNamespace, seen: dict, says: str):
    vars(cluster).update(seen)
    verdict = checks.liveness(WS, PROBE)
    assert verdict.word == "not yet"
    assert says in lines(verdict)["observed"]
    assert cluster.restored == 1


def test_without_a_probe_nothing_is_slow_and_nothing_is_restarted(cluster: SimpleNamespace):
    vars(cluster).update(timing=None, hung=None)
    assert "did not restart it" in lines(checks.liveness(WS, {}))["observed"]


@pytest.fixture
def aside(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A pod that was taken out, three others, and who answers."""
    metadata = SimpleNamespace(
        deletion_timestamp=None, labels={"app.kubernetes.io/name": "aside"}, owner_references=None
    )
    seen = SimpleNamespace(
        pod=SimpleNamespace(metadata=metadata), others=["a", "b", "c"], answered=Counter(a=10, b=10, c=10)
    )
    monkeypatch.setattr(checks.pods, "core", lambda ws: None)
    monkeypatch.setattr(checks.quarantine, "find", lambda api, name: seen.pod)
    monkeypatch.setattr(checks.quarantine, "others", lambda api, name: seen.others)
    sent = SimpleNamespace(answers=[GOOD] * 30, by_pod=lambda: seen.answered)
    monkeypatch.setattr(checks.lesson, "send", lambda url, count: sent)
    return seen


def test_a_pod_that_runs_without_payments_passes_twice(aside: SimpleNamespace):
    for _ in range(2):
        verdict = checks.taken_out(WS, "s")
        assert verdict.word == "passed"
        assert lines(verdict)["observed"] == "s runs, and answered 0 of 30 payments; 3 other pods did"


def test_each_way_that_does_not_take_a_pod_out_has_its_sentence(aside: SimpleNamespace):
    aside.answered["s"] = 4
    assert "s answered 4 of 30 payments" in lines(checks.taken_out(WS, "s"))["observed"]
    aside.others = ["a", "b"]
    assert lines(checks.taken_out(WS, "s"))["observed"] == "2 other pods are ready"
    aside.pod.metadata.owner_references = ["rs"]
    assert "still belongs to its ReplicaSet" in lines(checks.taken_out(WS, "s"))["observed"]
    aside.pod.metadata.labels = {"app.kubernetes.io/name": "payments", "pod-template-hash": "7c"}
    assert checks.taken_out(WS, "s").word == "unanswered"
    aside.pod = None
    assert "was deleted" in lines(checks.taken_out(WS, "s"))["observed"]
    assert "`suspect` is a NoneType" in lines(checks.taken_out(WS, None))["observed"]
