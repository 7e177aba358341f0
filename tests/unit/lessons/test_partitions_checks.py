"""Lesson 02: the check of the copy with more partitions, on given records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.lessons.partitions import checks

PAYMENTS = [
    PaymentMade(f"card-{n % 6}", "t-0", n, datetime(2018, 6, 1, tzinfo=UTC) + timedelta(minutes=n), f"p-{n}")
    for n in range(36)
]


def record(payment: PaymentMade, partition: int) -> SimpleNamespace:
    return SimpleNamespace(key=payment.key(), value=payment.value(), partition=partition, offset=0)


def in_partitions(count: int) -> list[SimpleNamespace]:
    """Return the records of a topic, partition by partition."""
    return sorted((record(one, int(one.card[-1]) % count) for one in PAYMENTS), key=lambda one: one.partition)


class Stack:
    """A stack in which `wide` has six partitions; the topics' records are given."""

    def __init__(self) -> None:
        self.topics = {"narrow": in_partitions(4), "wide": in_partitions(6)}

    def admin(self) -> SimpleNamespace:
        described = [{"partitions": [{}] * 6}]
        return SimpleNamespace(describe_topics=lambda names: described, close=lambda: None)

    def outcome(self) -> tuple[str, dict[str, str]]:
        verdict = checks.copied(self, "narrow", "wide")
        return verdict.word, dict(verdict.lines)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    monkeypatch.setattr(consume, "read_all", lambda ws, topic, **options: ws.topics[topic])
    return Stack()


def test_a_copy_passes_with_each_card_together_and_in_order(stack: Stack):
    word, lines = stack.outcome()
    assert word == "passed"
    assert lines["observed"] == "36 records in 6 partitions, and each card's payments are in order"


def test_an_empty_copy_is_unanswered(stack: Stack):
    stack.topics["wide"] = []
    assert stack.outcome()[0] == "unanswered"


def test_one_missing_payment_is_told(stack: Stack):
    del stack.topics["wide"][-1]
    assert stack.outcome() == (
        "not yet",
        {
            "observed": "1 of 36 payments is not in `wide`",
            "expected": "all of them",
            "hint": "read all partitions to their ends (`end_offsets`), and `flush()` the producer",
        },
    )


def test_a_second_copy_names_the_cell_to_run(stack: Stack):
    stack.topics["wide"] *= 2
    word, lines = stack.outcome()
    assert (word, lines["observed"]) == ("not yet", "72 records of 36 payments")
    assert lines["hint"].startswith("run the set-up cell")


def test_a_copy_into_the_original_is_told(stack: Stack):
    stack.topics["narrow"].append(stack.topics["narrow"][0])
    assert stack.outcome()[1]["observed"] == "the original has 1 record more than before"


def test_a_card_in_two_partitions_is_told(stack: Stack):
    stack.topics["wide"][0].partition = 5
    assert stack.outcome()[1]["observed"].startswith("card-0 is in partitions [0, 5]")


def test_another_order_is_told(stack: Stack):
    stack.topics["wide"].reverse()
    assert stack.outcome()[1]["observed"].endswith("are in another order than in the original")


def test_another_key_is_told(stack: Stack):
    stack.topics["wide"][0].key = b"copy"
    assert stack.outcome()[1]["observed"] == "a record has the key b'copy'"


def test_partitions_without_a_record_are_told(stack: Stack):
    stack.topics["wide"] = in_partitions(4)
    word, lines = stack.outcome()
    assert (word, lines["observed"]) == ("not yet", "partitions of `wide` without a record: 4, 5")


@pytest.mark.parametrize("value", [b"hello", None, str(PAYMENTS[0].value()).encode()])
def test_a_value_that_is_no_payment_is_told(stack: Stack, value: bytes | None):
    stack.topics["wide"][0].value = value
    word, lines = stack.outcome()
    assert word == "not yet"
    assert lines["observed"].startswith("partition 0 of `wide` has a record with the value")


def test_a_payment_with_another_amount_is_told(stack: Stack):
    changed = replace(PAYMENTS[0], amount_cents=999)
    stack.topics["wide"][0].value = changed.value()
    assert stack.outcome()[1]["observed"] == "payment p-0 is not as it was in the original"
