"""The checks of lesson 00: what is right in any form passes, and each mistake has a sentence. The cluster is a few lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from kafka import TopicPartition
from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.lessons.start_here import checks, strays
from workshop.notebook.exercises import Verdict

AT = datetime(2018, 4, 1, tzinfo=UTC)
BEFORE = {("payments", 0): 5}


def paid(card: str, payment_id: str) -> PaymentMade:
    return PaymentMade(card, "terminal", 100, AT, payment_id)


A1, A2, B1 = paid("a", "1"), paid("a", "2"), paid("b", "3")


@pytest.fixture(autouse=True)
def topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """The records of the exercise's topic; nothing went elsewhere."""
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    found: list[SimpleNamespace] = []
    monkeypatch.setattr(consume, "read_all", lambda ws, topic, **options: found)
    monkeypatch.setattr(strays, "end_offsets", lambda ws: dict(BEFORE))
    return found


def record(key: bytes | None, value: bytes | None, partition: int = 0, timestamp: int = 0) -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value, partition=partition, offset=0, timestamp=timestamp)


def of(payment: PaymentMade, partition: int = 0) -> SimpleNamespace:
    return record(payment.key(), payment.value(), partition)


def result(verdict: Verdict) -> tuple[str, str]:
    return verdict.word, dict(verdict.lines)["observed"]


@pytest.mark.parametrize(
    ("records", "word", "said"),
    [
        ([], "unanswered", "the end offset of `t` moved by 0"),
        ([of(A1), of(B1, 1), of(A2)], "passed", "2 × `a` in partition 0; 1 × `b` in partition 1"),
        ([of(A1), of(B1), of(A2)], "passed", "2 × `a` in partition 0; 1 × `b` in partition 0"),
        ([of(A1), record(None, A2.value())], "not yet", "the event in partition 0 at offset 0 has no key"),
        ([of(A1), of(A2)], "not yet", "2 events of 1 card: 2 × a"),
        ([of(A1)], "not yet", "1 event of 1 card"),
        ([of(A1), of(A2), of(B1), of(B1)], "not yet", "4 events of 2 cards: 2 × a, 2 × b"),
        ([of(A1), of(A1), of(B1)], "not yet", "payment `1` is there 2 times"),
        ([of(A1), of(A2, 1), of(B1)], "not yet", "the payments of `a` are in partitions 0 and 1"),
        ([record(b"terminal", A1.value())], "not yet", "the event in partition 0 at offset 0 has the key `terminal`"),
        ([record(b"\xff", A1.value())], "not yet", "the event in partition 0 at offset 0 has the key `\ufffd`"),
        (
            [record(b"a", None)],
            "not yet",
            "the value of the event in partition 0 at offset 0 is no payment: it is not JSON",
        ),
        (
            [of(replace(A1, amount_cents=1.5))],
            "not yet",
            "the value of the event in partition 0 at offset 0 is no payment: am",
        ),
        (
            [of(replace(A1, at=AT.replace(tzinfo=None)))],
            "not yet",
            "the event in partition 0 at offset 0 was made at 2018",
        ),
    ],
)
def test_00_1_two_payments_of_one_card_and_one_of_another(topic: list, records: list, word: str, said: str):
    topic += records
    for _ in range(2):
        found = result(checks.two_cards(None, "t", BEFORE))
        assert found[0] == word
        assert found[1].startswith(said)


def test_00_1_payments_in_another_topic_are_found(monkeypatch: pytest.MonkeyPatch):
    now = {("payments", 0): 6, ("my_topic", 0): 2, ("t", 0): 3}
    monkeypatch.setattr(strays, "end_offsets", lambda ws: now)
    verdict = checks.two_cards(None, "t", BEFORE)
    assert result(verdict) == (
        "not yet",
        "`t` is empty, but `my_topic` has 2 new events, and `payments` has 1 new event",
    )
    assert "without quotes" in dict(verdict.lines)["hint"]
    assert checks.two_cards(None, "t").word == "unanswered", "nothing to compare with"
    del now["my_topic", 0]
    hint = dict(checks.two_cards(None, "t", BEFORE).lines)["hint"]
    assert hint == "You wrote to `payments`; the exercise wants `my_topic`, without quotes."


def test_the_topics_to_which_a_payment_may_go_by_mistake_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    class Consumer:
        def __init__(self, **kafka: object) -> None:
            pass

        def topics(self) -> set[str]:
            return {"payments", "debits", "first-payments-1", "my_topic"}

        def partitions_for_topic(self, name: str) -> set[int]:
            return {0, 1} if name == "payments" else {0}

        def end_offsets(self, places: Sequence[TopicPartition]) -> dict:
            return dict.fromkeys(places, 7)

        def close(self) -> None:
            pass

    monkeypatch.undo()
    monkeypatch.setattr(strays, "KafkaConsumer", Consumer)
    assert strays.end_offsets(SimpleNamespace(kafka={})) == dict.fromkeys(
        [("payments", 0), ("payments", 1), ("first-payments-1", 0), ("my_topic", 0)], 7
    )


LEADERS = {0: 3, 1: 1, 2: 2}
PLACES = {"a": 1, "b": 0}


class Admin:
    """Three brokers; each partition has a leader and one follower."""

    def describe_topics(self, names: list[str]) -> list[dict]:
        parts = [
            {"partition_index": n, "leader_id": node, "replica_nodes": [node, node % 3 + 1]}
            for n, node in LEADERS.items()
        ]
        return [{"partitions": parts}]

    def describe_cluster(self) -> dict:
        return {"brokers": [{"broker_id": node} for node in (1, 2, 3)]}

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("answer", "word", "said"),
    [
        ({"a": 1, "b": 3}, "passed", "`a` in partition 1, led by broker 1; `b` in partition 0, led by broker 3"),
        ({"a": np.int64(1), "b": np.int32(3)}, "passed", "`a` in"),
        (pd.Series({"a": 1, "b": 3}), "passed", "`a` in"),
        ({b"a": 1.0, b"b": 3, "more": None}, "passed", "`a` in"),
        ([("a", 1), ("b", 3)], "passed", "`a` in"),
        (None, "unanswered", "`brokers` is None"),
        ({}, "not yet", "`brokers` has no entry for a, b"),
        ({"a": 1}, "not yet", "`brokers` has no entry for b"),
        ({1: "a"}, "not yet", "`brokers` has no entry for a, b"),
        (1, "not yet", "`brokers` is 1"),
        ([1, 3], "not yet", "`brokers` is [1, 3]"),
        ({"a": "1", "b": 3}, "not yet", "`brokers['a']` is '1'"),
        ({"a": True, "b": 3}, "not yet", "`brokers['a']` is True"),
        ({"a": 1.5, "b": 3}, "not yet", "`brokers['a']` is 1.5"),
        ({"a": float("nan"), "b": 3}, "not yet", "`brokers['a']` is nan"),
        ({"a": 0, "b": 3}, "not yet", "`brokers['a']` is 0: there is no broker 0, there are [1, 2, 3]"),
        (
            {"a": 2, "b": 3},
            "not yet",
            "the payment of a is in partition 1; broker 2 holds a copy of it and does not lead it",
        ),
        ({"a": 3, "b": 3}, "not yet", "the payment of a is in partition 1; broker 3 holds nothing of it"),
    ],
)
def test_00_2_the_leader_of_each_cards_partition(topic: list, answer: object, word: str, said: str):
    # A later record of a card in another partition is not the payment of the set-up cell.
    topic += [record(b"b", b"", 0), record(b"a", b"", 0, 9), record(b"a", b"", 1, 5), record(None, b"", 2)]
    found = result(checks.writers(SimpleNamespace(admin=Admin), "t", list(PLACES), answer))
    assert found[0] == word
    assert found[1].startswith(said)


@pytest.mark.parametrize(
    ("epoch", "node", "leads"), [(0, 2, True), (0, 1, False), (1, 2, True), (1, 1, True), (1, 3, False)]
)
def test_00_2_a_leader_that_has_moved_took_the_write(epoch: int, node: int, leads: bool):
    partition = {"partition_index": 0, "leader_id": 2, "leader_epoch": epoch, "replica_nodes": [1, 2, 3]}
    assert (node in checks._leaders(partition)) == leads


def test_00_2_an_address_is_only_the_door(topic: list):
    topic += [record(b"a", b"", 1), record(b"b", b"", 0)]
    verdict = checks.writers(SimpleNamespace(admin=Admin), "t", ["a", "b"], {"a": "127.0.0.1:9092", "b": 3})
    assert "only the door" in dict(verdict.lines)["hint"]
