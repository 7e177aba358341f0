"""The checks of lesson 02 that read a topic: each finding has its sentence. The topic is a list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.lessons.partitions import checks as lesson_02
from workshop.notebook.exercises import Verdict

AT = datetime(2018, 4, 1, tzinfo=UTC)
PAYMENT = PaymentMade("card", "terminal", 100, AT, "p")


@pytest.fixture(autouse=True)
def topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """The records of the topic."""
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    found: list[SimpleNamespace] = []
    monkeypatch.setattr(consume, "read_all", lambda ws, topic, **options: found)
    return found


def record(key: bytes | None, value: bytes = b"", partition: int = 0) -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value, partition=partition, offset=0)


def result(verdict: Verdict) -> tuple[str, str]:
    return verdict.word, dict(verdict.lines)["observed"]


def payments(count: int) -> list[PaymentMade]:
    return [PaymentMade(f"card-{n % 6}", f"t-{n % 2}", n, AT + timedelta(minutes=n), f"p-{n}") for n in range(count)]


def placed(events: list[PaymentMade], partitions: int = 6) -> list[SimpleNamespace]:
    return [record(b"k", event.value(), int(event.card[-1]) % partitions) for event in events]


def test_02_2_relief_passes_when_pairs_stay_together_in_order(topic: list):
    topic += placed(payments(60))
    word, said = result(lesson_02.relief(None, "t", payments(60)))
    assert word == "passed"
    assert said.startswith("the hottest partition has 17%; 6 pairs")


def test_02_2_a_hot_partition_is_told(topic: list):
    topic += placed(payments(60), partitions=1)
    assert result(lesson_02.relief(None, "t", payments(60))) == ("not yet", "partition 0 has 100% of the events")


def test_02_2_a_missing_payment_is_told(topic: list):
    topic += placed(payments(59))
    assert result(lesson_02.relief(None, "t", payments(60)))[1] == "59 events for 60 payments"


def test_02_2_a_pair_in_two_partitions_is_told(topic: list):
    topic += placed(payments(60))
    topic[0].partition = 5
    assert result(lesson_02.relief(None, "t", payments(60)))[1].startswith("('card-0', 't-0') is in partitions [0, 5]")


def test_02_2_payments_out_of_order_are_told(topic: list):
    topic += placed(payments(60)[::-1])
    assert "comes after one that happened later" in result(lesson_02.relief(None, "t", payments(60)))[1]
