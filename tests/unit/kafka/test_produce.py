"""Publishing events in bulk."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from kafka.errors import KafkaTimeoutError
from workshop.domain.payments import PaymentMade
from workshop.kafka import produce
from workshop.kafka.handle import Kafka


class Answer:
    """What a producer promises: an offset or an error."""

    def __init__(self, offset: int, refused: bool) -> None:
        self.offset, self.refused = offset, refused

    def get(self, timeout: float) -> int:
        if self.refused:
            raise KafkaTimeoutError("refused")
        return self.offset


class Producer:
    """A producer that numbers what it is given, and refuses one event if told to."""

    refuse: int | None = None

    def __init__(self, **options: object) -> None:
        self.options = options
        self.sent: list[dict] = []
        self.closed = False

    def send(self, topic: str, **record: object) -> Answer:
        self.sent.append({"topic": topic, **record})
        offset = len(self.sent) - 1
        return Answer(offset, offset == self.refuse)

    def close(self) -> None:
        self.closed = True


def _payments(count: int) -> list[PaymentMade]:
    return [PaymentMade(f"card-{n}", "t", n, datetime(2018, 4, 1, tzinfo=UTC), f"id-{n}") for n in range(count)]


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    made = Producer()

    def make(**options: object) -> Producer:
        made.options = options
        return made

    monkeypatch.setattr(produce, "KafkaProducer", make)
    return made


def test_events_are_written_under_their_keys_at_the_time_when_they_happened(producer: Producer):
    payments = _payments(3)
    assert produce.publish(Kafka({}), "payments", payments) == [0, 1, 2]
    assert [record["key"] for record in producer.sent] == [b"card-0", b"card-1", b"card-2"]
    assert PaymentMade.parse(producer.sent[2]["value"]) == payments[2]
    assert producer.sent[0]["timestamp_ms"] == 1522540800000
    assert producer.sent[0]["headers"] == [("type", b"PaymentMade"), ("version", b"1")]
    assert producer.options["acks"] == "all"
    assert producer.closed


def test_one_refused_event_is_an_error_and_the_producer_is_closed(producer: Producer):
    producer.refuse = 1
    with pytest.raises(KafkaTimeoutError, match="refused"):
        produce.publish(Kafka({}), "payments", _payments(3))
    assert producer.closed


def test_nothing_to_publish_is_published(producer: Producer):
    assert produce.publish(Kafka({}), "payments", []) == []
