"""The bookmark of `fraud-alerts`: written when something has been read, and again when brokers refused it."""

from __future__ import annotations

from collections.abc import Callable

from kafka.errors import KafkaTimeoutError
from services.fraud_alerts import FraudAlerts, Topics


class Answers:
    """A consumer's `commit_async`: it keeps what is to be called when brokers answer."""

    def __init__(self) -> None:
        self.waiting: list[Callable] = []

    def commit_async(self, callback: Callable) -> None:
        self.waiting.append(callback)


def service() -> FraudAlerts:
    made = FraudAlerts({}, Topics("payments", "fraud-reports", "fraud-alerts"), "fraud-alerts")
    made.unnoted = True  # a payment has been read
    return made


def test_a_bookmark_that_brokers_took_is_not_written_again():
    alerts, brokers = service(), Answers()
    alerts._note(brokers, [])
    brokers.waiting.pop()({}, object())
    assert not alerts.unnoted


def test_a_bookmark_that_brokers_refused_is_written_again():
    alerts, brokers = service(), Answers()
    alerts._note(brokers, [])
    brokers.waiting.pop()({}, KafkaTimeoutError("too late"))
    assert alerts.unnoted


def test_a_payment_that_is_read_while_brokers_answer_is_not_forgotten():
    alerts, brokers = service(), Answers()
    alerts._note(brokers, [])
    alerts.unnoted = True
    brokers.waiting.pop()({}, object())
    assert alerts.unnoted
