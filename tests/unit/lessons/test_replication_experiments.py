"""Lesson 03: which payments count as acknowledged, and when a dead broker is noticed."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaTimeoutError, NotEnoughReplicasAfterAppendError, NotEnoughReplicasError
from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.lessons.replication import experiments, freezes, trial
from workshop.lessons.replication.observations import Kill


class Future:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def get(self, timeout: float) -> str:
        if self.error:
            raise self.error
        return "written"


REFUSED, EXPIRED = KafkaTimeoutError("no room"), KafkaTimeoutError("expired")


class Producer:
    """A producer that refuses 1 at once, never acknowledges 2, and takes the rest."""

    def __init__(self) -> None:
        self.patience: list[float] = []

    def send(self, topic: str, value: bytes, partition: int = 0) -> Future:
        if value == b"1":
            raise REFUSED
        return Future(EXPIRED if value == b"2" else None)

    def flush(self, timeout: float) -> None:
        self.patience.append(timeout)
        raise KafkaTimeoutError("still open")


class Hours:
    """A clock on which each look and each pause takes an hour."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 3600
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += 3600


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log with the payments 0, 2, 2 and 3."""
    records = [SimpleNamespace(value=value) for value in (b"0", b"2", b"2", b"3")]
    monkeypatch.setattr(consume, "read_all", lambda ws, topic: records)


def test_a_payment_is_acknowledged_or_has_the_error_of_its_producer(log: None):
    found = experiments.compare(None, "topic", experiments._begin(Producer(), "topic", range(4)))
    assert found.errors == {1: REFUSED, 2: EXPIRED}
    assert (found.acknowledged, found.failed) == ({0, 3}, {1, 2})
    assert (found.lost, found.duplicated) == (set(), {2})


def test_futures_in_a_list_have_the_numbers_of_their_places(log: None):
    found = experiments.compare(None, "topic", [Future(), Future(), Future(EXPIRED)])
    assert (found.acknowledged, found.lost, set(found.errors)) == ({0, 1}, {1}, {2})


def test_a_patient_producer_is_not_waited_for_without_end():
    producer = Producer()
    experiments._wait(producer)
    assert producer.patience == [15]


def test_in_a_trial_a_refusal_of_the_leader_is_final_and_what_has_no_answer_is_sent_again():
    answers = {
        b"0": [None],
        b"1": [NotEnoughReplicasError()],
        b"2": [EXPIRED, None],
        b"3": [EXPIRED, NotEnoughReplicasAfterAppendError()],
    }
    producer = SimpleNamespace(send=lambda topic, value, partition: Future(answers[value].pop(0)))
    assert trial._sent(producer, "topic", range(4), lambda: True) == {0, 2}
    assert not any(answers.values())


@pytest.mark.parametrize("states", [[False, True, True, True], [True, False, True, True]])
def test_in_a_trial_a_refusal_while_another_broker_is_away_is_not_final(states: list[bool]):
    answers = [NotEnoughReplicasError(), None]
    producer = SimpleNamespace(send=lambda topic, value, partition: Future(answers.pop(0)))
    assert trial._sent(producer, "topic", range(1), lambda: states.pop(0)) == {0}


def test_a_trial_whose_leader_gives_no_answer_is_no_verdict(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "wait_until", partial(wait_until, clock=Hours()))
    with pytest.raises(WorkshopError, match="the leader's answers to 4 payments") as raised:
        trial._sent(Producer(), "topic", range(4), lambda: True)
    assert raised.value.next_step == trial.AGAIN


@pytest.mark.parametrize(
    ("in_sync", "leader", "noticed"), [([1, 2], 1, True), ([1, 2, 3], 1, False), ([1, 2], 3, False), ([1], -1, False)]
)
def test_a_dead_broker_is_noticed_once_it_neither_leads_nor_is_in_sync(
    in_sync: list[int], leader: int, noticed: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(experiments, "partitions", lambda ws, topic: [{"isr_nodes": in_sync, "leader_id": leader}])
    assert experiments._noticed(None, "topic", 3) == noticed


def test_a_dead_broker_is_noticed_once_every_partition_does_without_it(monkeypatch: pytest.MonkeyPatch):
    found = [{"isr_nodes": [1, 2], "leader_id": 1}, {"isr_nodes": [2, 3], "leader_id": 3}]
    monkeypatch.setattr(experiments, "partitions", lambda ws, topic: found)
    assert not experiments._noticed(None, "topic", 3)


@pytest.mark.parametrize(("leader", "living"), [(1, {1, 2}), (-1, set())])
def test_the_last_replica_of_a_partition_without_a_leader_does_not_live(
    leader: int, living: set[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trial, "partitions", lambda ws, topic: [{"isr_nodes": [1, 2], "leader_id": leader}])
    assert trial._in_sync(None, "topic") == living


def test_times_are_seconds_since_the_flow_began():
    flow = SimpleNamespace(began=100.0, acknowledged={1: 103.0, 0: 101.5}, pauses=[(101.0, 102.5)])
    seen = experiments._now(Kill(1, []), flow)
    assert (seen.acknowledged, seen.pauses) == ([1.5, 3.0], [(1.0, 2.5)])


class Cluster:
    """A connection whose admin client knows sizes and idempotent producers."""

    def __init__(self, sizes: list[int]) -> None:
        self.kafka: dict = {}
        self.sizes, self.resumed, self.paused = iter(sizes), [], []
        self.registered = iter([{1, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}])  # broker 2 comes back at the second look
        self.brokers = SimpleNamespace(
            pause=self.paused.append, resume=self.resumed.append, registered=lambda: next(self.registered)
        )

    def addresses(self) -> list[str]:
        return ["a:1"]

    def admin(self) -> SimpleNamespace:
        states = [SimpleNamespace(last_sequence=199), SimpleNamespace(last_sequence=0)]
        producers = SimpleNamespace(active_producers=states)
        return SimpleNamespace(describe_producers=lambda places: {places[0]: producers}, close=lambda: None)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> type[Cluster]:
    monkeypatch.setattr(freezes, "leader_of", lambda ws, topic: 1)
    monkeypatch.setattr(freezes, "followers_of", lambda ws, topic: [2, 3])
    monkeypatch.setattr(freezes, "copied", lambda ws, topic: 7)
    monkeypatch.setattr(freezes, "size_of", lambda ws, topic, node: next(ws.sizes))
    monkeypatch.setattr(freezes, "NOTED", {"t": []})
    monkeypatch.setattr(freezes, "LOOK_EVERY", 0)
    monkeypatch.setattr(freezes, "STAYS", 0)
    in_sync = iter([[1, 3], [1, 2, 3], [1, 2, 3]])  # once it is registered, it still has to copy
    monkeypatch.setattr(freezes, "partitions", lambda ws, topic: [{"isr_nodes": next(in_sync)}])
    return Cluster


@pytest.mark.parametrize(
    ("sizes", "longest", "written"),
    [
        pytest.param([10, 20], 15, True, id="written"),
        pytest.param([10, 10, 10, 20], 15, True, id="written late: the freeze lasts until then"),
        pytest.param([10, 10], -1, False, id="nothing written"),
        pytest.param([10], 15, False, id="the size is unknown"),
    ],
)
def test_a_freeze_is_noted_and_ended_in_any_case(
    sizes: list[int], longest: float, written: bool, cluster: type[Cluster], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(freezes, "LONGEST", longest)
    monkeypatch.setattr(freezes.threading, "excepthook", lambda arguments: None)
    ws = cluster(sizes)
    seen: list = []

    def cell_that_fails() -> None:
        with freezes.frozen_follower(ws, "t", seconds=0.01) as node:
            seen.append((node, list(ws.paused)))
            raise RuntimeError("the cell failed")

    with pytest.raises(RuntimeError):
        cell_that_fails()
    assert seen == [(2, [2])]  # frozen when the block begins; on a busy machine it may be resumed by then
    assert ws.resumed == [2]
    assert list(ws.registered) == []  # the block has waited until the follower was registered, and in sync twice
    assert [(one.first, one.written) for one in freezes.NOTED["t"]] == [(7, written)]


def test_numbered_records_are_those_of_all_producers():
    assert freezes.numbered(Cluster([]), "t") == 201


def test_the_size_is_that_of_one_partition_on_one_broker(monkeypatch: pytest.MonkeyPatch):
    topics = [{"partitions": [{"partition_size": 693}]}]
    asked = []

    def describe(places: dict, brokers: list[int]) -> list[dict]:
        asked.append((places, brokers))
        return [{"log_dirs": [{"topics": topics}, {"topics": []}]}]

    admin = SimpleNamespace(describe_log_dirs=describe, close=lambda: None)
    monkeypatch.setattr(freezes.kafka_admin, "admin", lambda kafka, **options: admin)
    assert freezes.size_of(Cluster([]), "t", 3) == 693
    assert asked == [({"t": [0]}, [3])]


class LimitedBrokers:
    """Three brokers, of which broker 3 is dead, and an admin client that finds all of them at its second request."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.started: list[int] = []
        self.brokers = SimpleNamespace(states=lambda: {2: "running", 3: "stopped"}, start=self.started.append)

    def admin(self) -> SimpleNamespace:
        return SimpleNamespace(
            alter_configs=partial(self._answer, "alter"),
            reset_configs=partial(self._answer, "reset"),
            close=lambda: None,
        )

    def _answer(self, kind: str, resources: list, raise_on_unknown: bool) -> dict:
        self.requests.append(kind)
        if len(self.requests) == 1:
            raise KafkaTimeoutError("not listed yet")
        return {"broker": {resource.name: "OK" for resource in resources}}


def test_a_limit_is_set_and_taken_back_after_the_dead_brokers_have_started(monkeypatch: pytest.MonkeyPatch):
    ws = LimitedBrokers()
    with trial._slow_copies(ws):
        assert (ws.requests, ws.started) == (["alter", "alter"], [])
    assert (ws.requests[2:], ws.started) == (["reset"], [3])
