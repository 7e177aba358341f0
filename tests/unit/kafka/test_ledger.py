"""The ledger of a flow: what is lost, what is duplicated, and the longest gap between acknowledgements."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaTimeoutError
from kafka.future import Future
from workshop.kafka import ledger
from workshop.kafka.handle import Kafka
from workshop.kafka.ledger import Flow, Reconciled, longest_gap, reconcile


class Producer:
    """A producer whose answers a test decides by the number of the event."""

    answer: Callable[[int], Exception | None] = staticmethod(lambda number: None)

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.flushed = 0

    def partitions_for(self, topic: str) -> set[int]:
        return {0}

    def send(self, topic: str, key: bytes, value: bytes) -> Future:
        assert key == value
        number = int(value)
        self.sent.append(number)
        error = type(self).answer(number)
        if isinstance(error, ConnectionError):
            raise error
        future = Future()
        future.failure(error) if error else future.success(None)
        return future

    def flush(self, timeout: float) -> None:
        self.flushed += 1
        if self.flushed > 1:
            raise KafkaTimeoutError("still open")


@pytest.fixture
def producer() -> type[Producer]:
    return type("Decided", (Producer,), {})


def flow_of(count: int, producer: type[Producer]) -> Flow:
    """A flow that has sent at least so many events and is stopped."""
    flow = Flow(producer(), "topic", rate=20_000)
    flow.start()
    while len(flow.acknowledged) + len(flow.failed) < count:
        time.sleep(0.001)
    flow.stop()
    return flow


def test_a_flow_sends_consecutive_numbers_and_notes_each_acknowledgement(producer: type[Producer]):
    flow = flow_of(50, producer)
    sent = flow._producer.sent
    assert sent == list(range(len(sent)))
    assert sorted(flow.acknowledged) == sent
    assert flow.failed == {}
    assert flow._producer.flushed == 1


def test_events_that_stay_open_do_not_hold_up_the_stop(producer: type[Producer]):
    flow = flow_of(5, producer)
    flow.stop()
    assert flow._producer.flushed == 2


def test_a_pause_of_the_machine_is_noted(producer: type[Producer], monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    late = iter([0.0, 1.5, 0.002])  # how much later than asked each wait ends

    def wait(seconds: float) -> bool:
        now[0] += seconds + next(late)
        return len(sent) == 2

    flow = Flow(producer(), "topic", rate=1)
    sent: list[int] = []
    monkeypatch.setattr(flow, "_end", SimpleNamespace(wait=wait))
    monkeypatch.setattr(flow, "_send", sent.append)
    monkeypatch.setattr(ledger.time, "monotonic", lambda: now[0])
    flow.run()
    assert sent == [0, 1]
    assert flow.pauses == [(1.0, 2.5)]


def test_an_event_that_was_given_up_is_noted_with_the_name_of_its_error(producer: type[Producer]):
    producer.answer = staticmethod(lambda number: KafkaTimeoutError("late") if number == 3 else None)
    flow = flow_of(10, producer)
    assert flow.failed == {3: "KafkaTimeoutError"}
    assert 3 not in flow.acknowledged


def test_an_error_of_send_itself_does_not_end_the_flow(producer: type[Producer]):
    producer.answer = staticmethod(lambda number: ConnectionError("gone") if number % 2 else None)
    flow = flow_of(10, producer)
    assert set(flow.failed.values()) == {"ConnectionError"}
    assert all(number % 2 for number in flow.failed)
    assert not any(number % 2 for number in flow.acknowledged)


def test_reconciliation_names_lost_and_duplicated_events():
    found = Reconciled(Counter({1: 1, 2: 3, 4: 1}), frozenset({1, 2, 3}), frozenset({4, 5}))
    assert found.lost == {3}
    assert found.duplicated == {2}


def test_asking_for_a_lost_event_does_not_change_the_counts():
    found = Reconciled(Counter({1: 1}), frozenset({1, 2}), frozenset())
    assert found.lost == {2}
    assert found.times == Counter({1: 1})
    assert 2 not in found.times


def test_an_event_that_failed_and_is_in_the_log_is_neither_lost_nor_duplicated():
    found = Reconciled(Counter({7: 1}), frozenset(), frozenset({7}))
    assert (found.lost, found.duplicated) == (set(), set())


def test_the_log_is_read_and_counted_by_number(monkeypatch: pytest.MonkeyPatch):
    records = [SimpleNamespace(value=value) for value in (b"0", b"1", b"1")]
    monkeypatch.setattr(ledger.consume, "read_all", lambda ws, topic: records)
    found = reconcile(Kafka({}), "topic", [0, 1, 2], failed=[3])
    assert found.times == {0: 1, 1: 2}
    assert (found.lost, found.duplicated, found.failed) == ({2}, {1}, {3})


def test_a_flow_with_an_end_sends_no_more_without_being_stopped(producer: type[Producer]):
    flow = Flow(producer(), "topic", rate=20_000)
    flow.end_after(0)
    flow.start()
    flow.join(60)
    assert not flow.is_alive()
    assert flow.acknowledged == {}


def test_the_longest_gap_is_found_in_times_of_any_order():
    assert longest_gap([9.5, 1.0, 2.0, 5.5]) == (5.5, 9.5)


def test_of_two_gaps_of_equal_length_the_first_counts():
    assert longest_gap([0.0, 2.0, 4.0, 5.0]) == (0.0, 2.0)


@pytest.mark.parametrize("times", [[], [1.0]])
def test_fewer_than_two_times_have_no_gap(times: list[float]):
    with pytest.raises(ValueError, match="empty"):
        longest_gap(times)
