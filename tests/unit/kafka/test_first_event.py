"""The first event of a start: what is repeated, what ends it at once, and the sentences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from workshop.base.errors import WorkshopError
from workshop.kafka import first_event, topics


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], bool]]:
    """What the attempts do, one after another."""
    waiting: list[Callable[[], bool]] = []
    monkeypatch.setattr(topics, "create", lambda kafka, wanted: None)
    monkeypatch.setattr(first_event, "_attempt", lambda kafka: waiting.pop(0)())
    monkeypatch.setattr(first_event, "registered_brokers", lambda kafka: {3, 1})
    monkeypatch.setattr("workshop.base.waiting.time.sleep", lambda seconds: None)
    return waiting


def raising(error: Exception) -> Callable[[], bool]:
    def attempt() -> bool:
        raise error

    return attempt


def test_attempts_that_fail_are_repeated_and_told_with_the_registered_brokers(attempts: list):
    told: list[str] = []
    attempts += [raising(KafkaTimeoutError("not yet")), raising(WorkshopError("no leader")), lambda: True]
    first_event.write_and_read({}, 60, told.append)
    assert told == [
        "waiting for Kafka to accept the first event (KafkaTimeoutError; registered brokers: 1, 3)",
        "waiting for Kafka to accept the first event (WorkshopError; registered brokers: 1, 3)",
    ]


def test_a_refusal_is_final(attempts: list):
    attempts += [raising(TopicAuthorizationFailedError("payments")), lambda: True]
    with pytest.raises(WorkshopError, match=r"refused the first event: .*payments\. Run `workshop doctor`"):
        first_event.write_and_read({}, 60)
    assert len(attempts) == 1


def test_another_event_than_the_one_written_is_an_error(attempts: list):
    attempts += [lambda: False]
    with pytest.raises(WorkshopError, match="The event that was read back differs"):
        first_event.write_and_read({}, 60)


def test_the_last_error_is_the_detail_when_patience_ends(attempts: list):
    attempts += [raising(KafkaTimeoutError(f"attempt {number}")) for number in range(9)]
    with pytest.raises(WorkshopError) as given_up:
        first_event.write_and_read({}, -1.0)
    assert "attempt" in given_up.value.detail
    assert given_up.value.next_step == first_event.NEXT_STEP
