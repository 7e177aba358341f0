"""The experiment on a policy: its reader, and its functions, which meet a frozen broker once each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from workshop.domain.payments import MalformedEvent
from workshop.lessons.reliability_game_day import poison, policy_trial
from workshop.lessons.reliability_game_day.policy_trial import AWAY_AT_A_DEBIT, AWAY_AT_A_LETTER, Bank, Stuck, Trial

PLACE = TopicPartition("topic", 0)


def record(offset: int, value: bytes | None = None) -> SimpleNamespace:
    value = poison.readable(offset) if value is None else value
    return SimpleNamespace(topic="topic", partition=0, offset=offset, key=b"card", value=value, headers=[])


class Producer:
    """A producer that keeps what is sent, by topic."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, topic: str, **_: object) -> SimpleNamespace:
        self.sent.append(topic)
        return SimpleNamespace(get=lambda timeout: None)


def bank(producer: Producer) -> Bank:
    ws = SimpleNamespace(brokers=SimpleNamespace(ours=False))
    return Bank(ws, producer, "debits", "letters", "probe", Trial())


def test_a_debit_is_written_once_for_each_call_and_poison_is_not():
    producer = Producer()
    tried = bank(producer)
    tried.debit(record(1))
    with pytest.raises(MalformedEvent):
        tried.debit(record(2, b"no payment"))
    assert producer.sent == ["debits"]


def test_a_broker_is_away_at_one_debit_and_at_one_letter_and_nothing_is_written_then():
    producer = Producer()
    tried = bank(producer)
    for call, offset in ((tried.debit, AWAY_AT_A_DEBIT), (lambda one: tried.set_aside(one, "why"), AWAY_AT_A_LETTER)):
        with pytest.raises(KafkaTimeoutError):
            call(record(offset))
        call(record(offset))
    assert producer.sent == ["debits", "letters"]
    assert tried.trial.away == {AWAY_AT_A_DEBIT: "KafkaTimeoutError", -AWAY_AT_A_LETTER: "KafkaTimeoutError"}


def test_a_policy_that_asks_for_one_record_without_end_is_stopped():
    tried = bank(Producer())
    for _ in range(3 * policy_trial.ENOUGH):
        tried.debit(record(1))
    with pytest.raises(Stuck):
        tried.debit(record(1))


class Consumer:
    """A consumer of a topic of this process, which notes what is committed."""

    def __init__(self) -> None:
        self.records = [record(offset) for offset in range(policy_trial.RECORDS)]
        self.at, self.committed = 0, []

    def assign(self, places: list) -> None: ...

    def seek_to_beginning(self, *places: TopicPartition) -> None: ...

    def close(self) -> None: ...

    def position(self, place: TopicPartition) -> int:
        return self.at

    def poll(self, timeout_ms: int) -> dict:
        found = self.records[self.at : self.at + 10]
        self.at += len(found)
        return {PLACE: found}

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.at = offset

    def commit(self, offsets: dict) -> None:
        self.committed += [one.offset for one in offsets.values()]


def read(monkeypatch: pytest.MonkeyPatch, handle) -> tuple[int, list[int], str]:
    consumer, trial = Consumer(), Trial()
    monkeypatch.setattr(policy_trial, "KafkaConsumer", lambda **_: consumer)
    ws = SimpleNamespace(kafka={}, fresh_name=lambda name: name)
    return policy_trial._read(ws, "topic", handle, trial), consumer.committed, trial.error


def test_a_record_that_fails_is_read_again_and_committed_when_it_is_handled(monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []

    def handle(one: SimpleNamespace) -> None:
        seen.append(one.offset)
        if one.offset == 15 and seen.count(15) < 3:
            raise KafkaError("away")

    at, committed, error = read(monkeypatch, handle)
    assert at == policy_trial.RECORDS
    assert seen.count(15) == 3
    assert committed == list(range(1, policy_trial.RECORDS + 1))
    assert error.startswith("KafkaError")


@pytest.mark.parametrize("raised", [ValueError("poison"), Stuck()])
def test_the_reader_gives_up_at_a_record_that_fails_each_time(monkeypatch: pytest.MonkeyPatch, raised: BaseException):
    def handle(one: SimpleNamespace) -> None:
        if one.offset == 15:
            raise raised

    at, committed, _ = read(monkeypatch, handle)
    assert at == 15
    assert committed[-1] == 15
