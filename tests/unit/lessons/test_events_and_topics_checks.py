"""Lesson 01: what its checks say about committed offsets, refunds, and names of events. No server is needed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from workshop.domain.payments import PaymentMade, PaymentRefunded
from workshop.kafka import consume
from workshop.lessons.events_and_topics import checks, past_tense
from workshop.notebook.exercises import Verdict

AT = datetime(2018, 4, 1, tzinfo=UTC)
PAYMENT = PaymentMade("card", "terminal", 100, AT, "p")
REFUND = PaymentRefunded("card", 100, AT, "p")
DAY = [PaymentMade(f"card-{n}", "t", n, AT, f"p-{n}") for n in range(220)]


@pytest.fixture(autouse=True)
def topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """The records of the topic."""
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    found: list[SimpleNamespace] = []
    monkeypatch.setattr(consume, "read_all", lambda ws, topic, **options: list(found))
    return found


def record(key: bytes | None, value: bytes | None, partition: int = 0, offset: int = 0) -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value, partition=partition, offset=offset)


def lines(verdict: Verdict) -> dict[str, str]:
    return {"word": verdict.word, **dict(verdict.lines)}


class Offsets:
    """A topic with two partitions, whose payments alternate, and the committed offsets of groups."""

    def __init__(self, topic: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> None:
        self.topic = topic
        self.marks: dict[str, dict[int, int]] = {}
        self.made: set[str] = set()
        self.publish(None, "t", DAY[:200])
        monkeypatch.setattr(checks.story, "one_day", lambda: DAY)
        monkeypatch.setattr(checks, "publish", self.publish)
        monkeypatch.setattr(checks, "_made", self.made.__contains__)
        monkeypatch.setattr(checks, "_ends", lambda ws, topic: self.ends())
        monkeypatch.setattr(
            checks, "_committed", lambda ws, places, groups: {w: self.marks.get(g, {}) for w, g in groups.items()}
        )

    def publish(self, ws: object, topic: str, events: list[PaymentMade]) -> None:
        for event in events:
            partition = int(event.payment_id[2:]) % 2
            offset = sum(one.partition == partition for one in self.topic)
            self.topic.append(record(event.key(), event.value(), partition, offset))

    def ends(self) -> dict[TopicPartition, int]:
        return {TopicPartition("t", n): sum(one.partition == n for one in self.topic) for n in (0, 1)}

    def check(self) -> dict[str, str]:
        return lines(checks.committed_offsets(None, "t", "f", "b"))


@pytest.fixture
def offsets(topic: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> Offsets:
    return Offsets(topic, monkeypatch)


def test_01_1_passes_as_often_as_it_runs_and_says_the_same(offsets: Offsets):
    offsets.marks = {"f": {0: 0, 1: 0}, "b": {0: 100, 1: 100}}
    first = offsets.check()
    assert first["word"] == "passed"
    assert first["observed"].endswith("`fraud` would read 210, `billing` would read 10")
    assert offsets.check() == first
    assert len(offsets.topic) == 210


def test_01_1_passes_again_after_the_offsets_were_committed_behind_the_new_payments(offsets: Offsets):
    offsets.marks = {"f": {0: 0, 1: 0}, "b": {0: 100, 1: 100}}
    offsets.check()
    offsets.marks["b"] = {0: 105, 1: 105}
    assert offsets.check()["observed"].endswith("`fraud` would read 220, `billing` would read 10")


def test_01_1_payments_that_the_reader_added_are_new_ones(offsets: Offsets):
    offsets.marks = {"f": {0: 0, 1: 0}, "b": {0: 100, 1: 100}}
    offsets.publish(None, "t", DAY[215:216])
    assert offsets.check()["observed"].endswith("`fraud` would read 201, `billing` would read 1")


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ({"f": {0: 0, 1: 0}}, "`billing` has a committed offset in 0 of 2 partitions"),
        ({"b": {0: 0, 1: 0}}, "`fraud` has a committed offset in 0 of 2 partitions"),
        ({"f": {0: 0}, "b": {0: 0, 1: 0}}, "`fraud` has a committed offset in 1 of 2 partitions"),
        (
            {"f": {0: 0, 1: 0}, "b": {0: 101, 1: 100}},
            "`billing` has the committed offset 101 in partition 0, which ends",
        ),
        ({"f": {0: 1, 1: 0}, "b": {0: 100, 1: 100}}, "`fraud` would read 199 of the 200 payments of the past"),
        ({"f": {0: 0, 1: 0}, "b": {0: 100, 1: 99}}, "`billing` would read 1 payment of the past"),
    ],
)
def test_01_1_tells_what_is_wrong_with_the_committed_offsets(offsets: Offsets, marks: dict, said: str):
    offsets.marks = marks
    found = offsets.check()
    assert found["word"] == "not yet"
    assert found["observed"].startswith(said)
    assert len(offsets.topic) == 200  # nothing was published


def test_01_1_without_any_consumer_it_is_unanswered(offsets: Offsets):
    assert offsets.check()["word"] == "unanswered"


def test_01_1_consumers_without_a_commit_are_told(offsets: Offsets):
    offsets.made.add("f")
    found = offsets.check()
    assert (found["word"], found["observed"]) == (
        "not yet",
        "you made a consumer for `fraud`, and nothing was committed",
    )
    assert "`position()`" in found["hint"]


@pytest.mark.parametrize(
    ("events", "word", "said"),
    [
        ([PAYMENT], "unanswered", "`t` holds the payment and nothing else"),
        ([PAYMENT, REFUND], "passed", "an event `PaymentRefunded` refers to p"),
        ([PAYMENT, PAYMENT], "not yet", "payment `p` was made 2 times"),
        ([PAYMENT, REFUND, REFUND], "not yet", "2 records besides the payment"),
        ([PAYMENT, replace(PAYMENT, payment_id="q")], "not yet", "another PaymentMade, of 100 cents"),
        ([PAYMENT, replace(PAYMENT, amount_cents=-100)], "not yet", "another PaymentMade, of -100 cents"),
        ([PAYMENT, replace(REFUND, payment_id="q")], "not yet", "an event `PaymentRefunded` with payment_id 'q'"),
        ([PAYMENT, replace(REFUND, amount_cents=1)], "not yet", "`amount_cents` is 1"),
        ([PAYMENT, replace(REFUND, card="x")], "not yet", "the key of your event is b'x'"),
    ],
)
def test_01_2_a_refund_is_an_event_of_its_own(topic: list, events: list, word: str, said: str):
    topic += [record(event.key(), event.value()) for event in events]
    found = lines(checks.refund(None, "t", PAYMENT))
    assert found["word"] == word
    assert found["observed"].startswith(said)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "the record at offset 1 is a tombstone"),
        (b"{", "the record at offset 1 is not a JSON object: b'{'"),
        (b"[1]", "the record at offset 1 is not a JSON object: b'[1]'"),
        (b"\xff" * 99, "the record at offset 1 is not a JSON object: b'"),
        (b"{}", "an event without a type; its fields are none"),
        (b'{"type": 7}', "the type is 7"),
        (b'{"type": ""}', "an event without a type; its fields are `type`"),
        (b'{"type": "RefundPayment"}', "`RefundPayment` is a command"),
        (b'{"type": "Banana"}', "the type `Banana` does not say that something happened"),
        (b'{"type": "RefundRequested"}', "`RefundRequested` does not say that the money was given back"),
        (b'{"type": "AccountDebited"}', "`AccountDebited` says that money was taken"),
        (b'{"type": "PaymentCancelled"}', "`PaymentCancelled` does not say that the money was given back"),
        (b'{"type": "GoodsReturned"}', "`GoodsReturned` does not say that the money was given back"),
        (
            b'{"type": "PaymentRefunded", "id": "p"}',
            "an event `PaymentRefunded` with no field `payment_id`, only `type`, `id`",
        ),
    ],
)
def test_01_2_tells_what_a_record_is_instead_of_a_refund(topic: list, value: bytes | None, said: str):
    topic += [record(b"card", PAYMENT.value()), record(b"card", value, offset=1)]
    found = lines(checks.refund(None, "t", PAYMENT))
    assert found["word"] == "not yet"
    assert found["observed"].startswith(said)


@pytest.mark.parametrize(
    ("amount", "hint"),
    [(-100, "Do not write a negative amount"), (1.0, "This looks like euros"), ("100", "Amounts are"), (True, "Amounts"),
     (None, "Amounts are")],
)  # fmt: skip
def test_01_2_wrong_amounts_have_a_hint(topic: list, amount: object, hint: str):
    refund = {"type": "PaymentRefunded", "payment_id": "p", "amount_cents": amount}
    topic += [record(b"card", PAYMENT.value()), record(b"card", json.dumps(refund).encode())]
    assert lines(checks.refund(None, "t", PAYMENT))["hint"].startswith(hint)


@pytest.mark.parametrize(
    "name",
    [
        "PaymentRefunded", "payment_refunded", "payment.refunded", "PAYMENT_REFUNDED", "com.bank.PaymentRefunded.v2",
        "RefundMade", "MoneyGivenBack", "GoodsReturned", "RefundPaidToCustomer", "PaymentWasReversed", "PaymentUndone",
        "CardCredited", "ReturnAccepted", "PaiementRemboursé",
    ],
)  # fmt: skip
def test_names_in_the_past_tense_state_a_fact(name: str):
    assert (past_tense.states(name), past_tense.asks(name), past_tense.only_begun(name)) == (True, False, False)


@pytest.mark.parametrize(
    "name",
    [
        "RefundPayment", "refund_payment", "GiveBack", "CreditCard", "DebitCard", "ReturnGoods", "UndoPayment",
        "MarkPaymentRefunded", "PaymentToBeRefunded", "PaymentWillBeRefunded",
    ],
)  # fmt: skip
def test_names_in_the_imperative_or_the_future_ask_for_something(name: str):
    assert (past_tense.states(name), past_tense.asks(name)) == (False, True)


@pytest.mark.parametrize(
    "name",
    [
        "payment_refunded", "MoneySentBack", "Refunded", "RefundPaid", "CardCredited", "RefundWasSent", "PaymentUndone",
        "PaiementRemboursé", "RefundMade", "MoneyGivenBack", "RefundPaidToCustomer", "PaymentWasReversed", "MoneyReturned",
        "ChargeRefunded", "DebitReversed", "PaymentChargedBack", "MoneyPaidToCustomer", "GoodsReturnedAndMoneyRefunded",
        "com.bank.PaymentRefunded.v2", "PurchasePriceReturned", "GoodsRefunded", "PaidBack",
    ],
)  # fmt: skip
def test_names_that_say_that_money_was_given_back(name: str):
    assert (past_tense.gives_back(name), past_tense.takes(name)) == (True, False)


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("AccountDebited", True), ("CardCharged", True), ("MoneyWithdrawn", True), ("MoneyTakenBack", True),
        ("PaymentCancelled", False), ("GoodsReturned", False), ("GoodsTakenBack", False), ("GoodsSentBack", False),
        ("RefundApproved", False), ("RefundCancelled", False), ("PaymentNotRefunded", False), ("RefundRequested", False),
        ("PaymentReceived", False), ("MoneySent", False), ("Returned", False), ("ChargeMade", False),
    ],
)  # fmt: skip
def test_names_that_do_not_say_that_money_was_given_back(name: str, takes: bool):
    assert (past_tense.gives_back(name), past_tense.takes(name)) == (False, takes)


@pytest.mark.parametrize("name", ["Refund", "Banana", "PaymentFeed", "", "123"])
def test_nouns_neither_state_nor_ask(name: str):
    assert (past_tense.states(name), past_tense.asks(name)) == (False, False)
