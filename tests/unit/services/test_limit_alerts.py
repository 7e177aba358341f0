"""The service `limit-alerts`: what it learns from changes, and which payments it flags."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaTimeoutError
from services.limit_alerts import LimitAlerts, wire
from services.runtime.settings import Settings
from workshop.domain.payments import PaymentMade
from workshop.domain.payments.limits import LimitExceeded


class Answer:
    def get(self, timeout: float) -> None:
        """The brokers took it."""


class Producer:
    def __init__(self) -> None:
        self.sent: list[tuple[str, dict]] = []

    def send(self, topic: str, **record: object) -> Answer:
        self.sent.append((topic, record))
        return Answer()


@pytest.fixture
def service() -> LimitAlerts:
    return LimitAlerts({}, "bank.cards", "payments", "alerts", "limit-alerts")


def change(card: str, limit_cents: int | None) -> SimpleNamespace:
    """A record of the bank's table: a card's new limit, or None for a card that is deleted."""
    row = None if limit_cents is None else {"card": card, "limit_cents": limit_cents}
    value = {"op": "c" if row else "d", "before": None, "after": row, "source": {"ts_ms": 1, "lsn": 1}}
    return record(json.dumps(value).encode(), json.dumps({"card": card}).encode())


def record(value: bytes | None, key: bytes | None = None) -> SimpleNamespace:
    return SimpleNamespace(topic="topic", offset=7, key=key, value=value)


def payment(cents: int, card: str = "card") -> SimpleNamespace:
    return record(PaymentMade(card, "terminal", cents, datetime(2018, 4, 1, tzinfo=UTC), "id").value())


def judge(service: LimitAlerts, *payments: SimpleNamespace) -> list[tuple[str, dict]]:
    producer = Producer()
    for one in payments:
        service._judge(one, producer)
    return producer.sent


def test_a_payment_up_to_the_limit_passes_and_one_beyond_it_is_flagged(service: LimitAlerts):
    service._learn(change("card", 500))
    assert judge(service, payment(499), payment(500)) == []
    ((topic, alert),) = judge(service, payment(501))
    assert topic == "alerts"
    assert alert["key"] == b"card"
    assert alert["timestamp_ms"] == 1522540800000
    found = LimitExceeded.parse(alert["value"])
    assert (found.amount_cents, found.limit_cents, found.payment_id) == (501, 500, "id")
    assert service.tally == {"PaymentMade": 3, "LimitExceeded": 1}


def test_a_new_limit_replaces_the_old_one(service: LimitAlerts):
    service._learn(change("card", 500))
    service._learn(change("card", 50))
    assert len(judge(service, payment(51))) == 1


@pytest.mark.parametrize("changes", [[], [change("card", 500), change("card", None)]], ids=["unknown", "deleted"])
def test_a_payment_of_a_card_that_the_bank_does_not_have_is_flagged(service: LimitAlerts, changes: list):
    for one in changes:
        service._learn(one)
    ((_, alert),) = judge(service, payment(1))
    assert LimitExceeded.parse(alert["value"]).limit_cents is None


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"type": "AccountDebited"}'])
def test_what_is_no_payment_is_counted_and_stops_nothing(
    service: LimitAlerts, value: bytes | None, caplog: pytest.LogCaptureFixture
):
    assert len(judge(service, record(value), payment(1))) == 1
    assert service.tally["malformed"] == 1
    assert "topic, offset 7 is not a payment: " in caplog.text


@pytest.mark.parametrize("value", [b"{", b"{}", b"[]", b'{"op": "c", "source": {}, "before": null, "after": null}'])
def test_what_is_no_change_is_told_and_alters_nothing(
    service: LimitAlerts, value: bytes, caplog: pytest.LogCaptureFixture
):
    service._learn(change("card", 500))
    service._learn(record(value))
    assert service.limits.cents == {"card": 500}
    assert "topic, offset 7 is not a change of a card: " in caplog.text


def test_an_attempt_that_failed_is_counted(service: LimitAlerts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.runtime.retry.PAUSE", 0.0)
    leaving: list[int] = []

    def serve(ending: list) -> None:
        if not service.tally["begun anew"]:
            raise KafkaTimeoutError("frozen")
        ending.append(15)

    monkeypatch.setattr(service, "_serve", serve)
    service.run(leaving)
    assert service.tally == {"begun anew": 1}


def test_the_service_is_made_from_its_settings():
    env = {"KAFKA_BOOTSTRAP": "127.0.0.1:9", "ALERTS_TOPIC": "limits", "GROUP": "mine"}
    made = wire(Settings.read("limit-alerts", env))
    assert (made.changes, made.payments, made.alerts, made.group) == ("bank.cards", "payments", "limits", "mine")
