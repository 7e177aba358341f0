"""What is looked at during a run: samples that survive errors, and debits of the run's own cards."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError
from workshop.chaos import watching
from workshop.chaos.watching import Debited, Sampler
from workshop.domain.payments.events import AccountDebited, AccountOpened

AT = datetime(2018, 4, 1, tzinfo=UTC)


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(2_000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come")


def test_what_cannot_be_asked_at_a_moment_is_left_out():
    answers = iter([9, KafkaTimeoutError("late"), OSError("away"), 7])

    def look() -> float:
        answer = next(answers, 7)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sampler = Sampler("copies", look, every=0.001)
    sampler.start()
    wait_for(lambda: len(sampler.seen) >= 2)
    sampler.stop()
    assert [value for _, value in sampler.seen[:2]] == [9, 7]
    assert not sampler.is_alive()


class Consumer:
    """A consumer of one partition whose first polls fail."""

    failures = 1
    log: tuple[bytes, ...] = ()

    def __init__(self, **options: object) -> None:
        self.position = 0

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0}

    def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 1)

    def assign(self, places: list[TopicPartition]) -> None:
        """It has one partition."""

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.position = offset

    def poll(self, timeout_ms: int) -> dict:
        if type(self).failures:
            type(self).failures -= 1
            raise KafkaTimeoutError("a broker died")
        found = [SimpleNamespace(offset=n, value=self.log[n]) for n in range(self.position, len(self.log))][:1]
        self.position += len(found)
        return {TopicPartition("debits", 0): found} if found else {}

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def debited(monkeypatch: pytest.MonkeyPatch) -> Debited:
    def event(kind: type, card: str, number: int) -> bytes:
        return kind(card, 100 + number, AT, f"id-{number}").value()

    Consumer.failures = 1
    Consumer.log = (
        event(AccountDebited, "day-1-0000", 0),  # before this run
        event(AccountOpened, "day-1-0001", 1),
        b"rubbish",
        event(AccountDebited, "day-10-0001", 3),  # of another run
        event(AccountDebited, "day-1-0001", 4),
        event(AccountDebited, "day-1-0001", 5),
    )
    monkeypatch.setattr(watching, "KafkaConsumer", Consumer)
    return Debited(SimpleNamespace(kafka={}), "debits", "day-1")


def test_debits_of_the_runs_own_cards_are_seen_once_also_after_a_broker_died(debited: Debited):
    debited.start()
    wait_for(lambda: len(debited.seen) >= 2)
    debited.stop()
    assert [(payment_id, cents) for _, payment_id, cents in debited.seen] == [("id-4", 104), ("id-5", 105)]
    assert Consumer.failures == 0


def test_in_the_end_the_log_is_read_anew_from_the_runs_beginning(debited: Debited, monkeypatch: pytest.MonkeyPatch):
    asked: list[dict] = []

    def read(kafka: dict, topic: str, numbers: list[int], **more: object) -> list:
        asked.append(more)
        return [SimpleNamespace(value=value) for value in Consumer.log[1:]]

    monkeypatch.setattr(watching, "read_partitions", read)
    assert debited.again() == [("id-4", 104), ("id-5", 105)]
    assert asked[0]["first"] == {0: 1}
    assert asked[0]["isolation_level"] == "read_committed"
