"""The checks of lessons 00, 01, 02 and 03 that read a topic: each finding has its sentence. The topic is a list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.domain.payments import PaymentMade
from workshop.domain.payments.events import PaymentRefunded
from workshop.kafka import consume
from workshop.lessons.events_and_topics import checks as lesson_01
from workshop.lessons.partitions import checks as lesson_02
from workshop.lessons.replication import checks as lesson_03
from workshop.lessons.start_here import checks as lesson_00
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


@pytest.mark.parametrize(
    ("keys", "word", "said"),
    [
        ([], "unanswered", "the end offset of `t` moved by 0"),
        ([b"a", b"b", b"a"], "passed", "`a` is in partition 0; `b` is in partition 0"),
        ([b"a", None], "not yet", "2 events, 1 of them without a key"),
        ([b"a", b"a", b"b", b"b"], "not yet", "4 events under 2 keys: 2 × a, 2 × b"),
    ],
)
def test_00_1_two_payments_of_one_card(topic: list, keys: list, word: str, said: str):
    topic += [record(key) for key in keys]
    found = result(lesson_00.two_cards(None, "t"))
    assert found[0] == word
    assert found[1].startswith(said)


@pytest.mark.parametrize(
    ("node", "role"), [(1, "holds a copy of partition 0 and does"), (9, "holds nothing of partition 0")]
)
def test_00_2_a_broker_that_does_not_lead_is_told_its_role(node: int, role: str):
    assert lesson_00._role(node, {"partition_index": 0, "replica_nodes": [1, 2]}).startswith(role)


REFUND = PaymentRefunded("card", 100, AT, "p")


@pytest.mark.parametrize(
    ("events", "word", "said"),
    [
        ([PAYMENT], "unanswered", "`t` holds the payment and nothing else"),
        ([PAYMENT, REFUND], "passed", "a PaymentRefunded refers to p"),
        ([PAYMENT, PAYMENT], "not yet", "payment `p` was made 2 times"),
        ([PAYMENT, REFUND, REFUND], "not yet", "2 events besides the payment"),
        ([PAYMENT, replace(PAYMENT, payment_id="q")], "not yet", "another PaymentMade, of 100 cents"),
        ([PAYMENT, replace(REFUND, payment_id="q")], "not yet", "a PaymentRefunded with payment_id 'q'"),
        ([PAYMENT, replace(REFUND, amount_cents=1)], "not yet", "amount_cents is 1"),
        ([PAYMENT, replace(REFUND, card="x")], "not yet", "keys ["),
    ],
)
def test_01_2_a_refund_is_a_fact_of_its_own(topic: list, events: list, word: str, said: str):
    topic += [record(event.key(), event.value()) for event in events]
    found = result(lesson_01.refund(None, "t", PAYMENT))
    assert found[0] == word
    assert found[1].startswith(said)


@pytest.mark.parametrize(("value", "kind"), [(b"{", "record at offset 0"), (b"[1]", "record at"), (b"{}", "something")])
def test_01_2_a_record_that_is_no_event_has_a_name_of_its_own(value: bytes, kind: str):
    assert lesson_01._event(record(None, value))["type"].startswith(kind)


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


def test_02_1_members_that_could_hold_something_must():
    def reader(*held: int) -> SimpleNamespace:
        return SimpleNamespace(partitions=frozenset(held))

    assert lesson_02._even([reader(0), reader(1), reader()], ["g", "g", "g"], 2)
    assert not lesson_02._even([reader(0, 1), reader()], ["g", "g"], 2)
    assert lesson_02._held([reader(0), reader(1)], ["g", "h"]) == {"g": {0}, "h": {1}}


@pytest.mark.parametrize(
    ("ids", "word", "said"),
    [
        ([], "unanswered", "`t` is empty"),
        (["p-0", "p-1"], "passed", "2 records of 2 payments"),
        (["p-0"], "not yet", "1 of 2 payments are not in the log"),
        (["p-0", "p-1", "p-1"], "not yet", "3 records of 2 payments"),
    ],
)
def test_03_2_each_payment_once(topic: list, ids: list[str], word: str, said: str):
    topic += [record(b"k", replace(PAYMENT, payment_id=one).value()) for one in ids]
    assert result(lesson_03.once_each(None, "t", payments(2))) == (word, said)


@pytest.mark.parametrize("answer", [None, {}, {"copies": 3}, {"copies": 9, "min_in_sync": 2, "acks": "all"}, "text"])
def test_03_1_settings_that_are_none_break_no_broker(answer: object):
    verdict = lesson_03.settings(None, answer)
    assert verdict.word == ("unanswered" if answer is None else "not yet")
