"""The service `debits`: what it answers to a payment, what it forgets, and what a transaction contains."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError
from services import debits
from services.debits import Debits, Topics, answers
from services.runtime.settings import Settings
from workshop.domain.payments import MalformedEvent, PaymentMade, parse
from workshop.domain.payments.accounts import OPENING_CENTS, Account
from workshop.domain.payments.events import UNUSABLE, CardEvent, PaymentRefunded

AT = datetime(2018, 4, 1, tzinfo=UTC)
PLACE = TopicPartition("payments", 1)


def payment(cents: int, payment_id: str = "id", card: str = "card") -> bytes:
    return PaymentMade(card, "terminal", cents, AT, payment_id).value()


def kinds(events: list[CardEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_the_first_payment_opens_the_account_and_is_debited():
    accounts: dict[str, Account] = {}
    assert kinds(answers(accounts, payment(250))) == ["AccountOpened", "AccountDebited"]
    assert accounts["card"].balance_cents == OPENING_CENTS - 250


def test_a_payment_that_comes_twice_is_answered_once():
    accounts: dict[str, Account] = {}
    answers(accounts, payment(250))
    assert answers(accounts, payment(250)) == []
    assert accounts["card"].balance_cents == OPENING_CENTS - 250


def test_a_payment_that_the_balance_does_not_cover_is_declined_and_takes_nothing():
    accounts: dict[str, Account] = {}
    assert kinds(answers(accounts, payment(OPENING_CENTS + 1))) == ["AccountOpened", "PaymentDeclined"]
    assert kinds(answers(accounts, payment(OPENING_CENTS, "other"))) == ["AccountDebited"]
    assert accounts["card"].balance_cents == 0


def test_a_refund_of_a_payment_is_credited():
    accounts: dict[str, Account] = {}
    answers(accounts, payment(250))
    assert kinds(answers(accounts, PaymentRefunded("card", 250, AT, "id").value())) == ["AccountCredited"]
    assert accounts["card"].balance_cents == OPENING_CENTS


def test_an_event_that_asks_for_nothing_has_no_answer():
    accounts: dict[str, Account] = {}
    (opened, *_) = answers({}, payment(1))
    assert answers(accounts, opened.value()) == []
    assert accounts == {}


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"type": "Unknown"}', b'{"type": "PaymentMade"}'])
def test_what_cannot_be_read_is_an_error_that_says_so(value: bytes | None):
    with pytest.raises(MalformedEvent):
        answers({}, value)


@pytest.mark.parametrize("changed", [{"at": "0001-01-01T00:00:00"}, {"card": "\ud800"}])
def test_an_absurd_payment_is_an_error_and_changes_nothing(changed: dict):
    accounts: dict[str, Account] = {}
    value = json.dumps({**json.loads(payment(1)), **changed}).encode()
    with pytest.raises(UNUSABLE):
        answers(accounts, value)
    assert accounts == {}


class Answer:
    def get(self, timeout: float) -> None:
        """The brokers took it."""


class Producer:
    """A producer that notes the steps of a transaction."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.sent: list[tuple[str, dict]] = []
        self.position: dict = {}

    def begin_transaction(self) -> None:
        self.steps.append("begin")

    def send(self, topic: str, **record: object) -> Answer:
        self.steps.append(f"send to {topic}")
        self.sent.append((topic, record))
        return Answer()

    def flush(self, timeout: float) -> None:
        self.steps.append("flush")

    def send_offsets_to_transaction(self, position: dict, member: object) -> None:
        self.steps.append("offsets")
        self.position = position

    def commit_transaction(self) -> None:
        self.steps.append("commit")


MEMBER = SimpleNamespace(member_id="one", generation_id=1)


@pytest.fixture
def service() -> Debits:
    """An instance that has learnt partition 1, in which no account exists yet."""
    made = Debits({}, Topics("payments", "debits", "balances", "letters"), "debits")
    made.accounts[1] = {}
    return made


def records(*values: bytes) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(topic="payments", partition=1, offset=40 + place, key=b"card", value=value, headers=[])
        for place, value in enumerate(values)
    ]


def test_answers_balances_and_the_offset_are_in_one_transaction(service: Debits):
    producer = Producer()
    service._answer(producer, MEMBER, PLACE, records(payment(250)))
    writes = ["send to debits", "send to balances"] * 2
    assert producer.steps == ["begin", *writes, "flush", "offsets", "commit"]
    assert producer.position == {PLACE: OffsetAndMetadata(41, "", -1)}
    assert {record["partition"] for _, record in producer.sent} == {1}
    debited, balance = producer.sent[-2][1], producer.sent[-1][1]
    assert type(parse(debited["value"])).__name__ == "AccountDebited"
    assert json.loads(balance["value"]) == {"card": "card", "balance_cents": OPENING_CENTS - 250}
    assert service.tally == {"AccountOpened": 1, "AccountDebited": 1}


def test_a_record_that_cannot_be_read_goes_to_the_dead_letters_and_the_next_one_is_answered(service: Debits):
    producer = Producer()
    service._answer(producer, MEMBER, PLACE, records(b"{", payment(250)))
    topics = [topic for topic, _ in producer.sent]
    assert topics.count("letters") == 1
    letter = dict(producer.sent[topics.index("letters")][1]["headers"])
    assert (letter["source-offset"], letter["service"]) == (b"40", b"debits")
    assert producer.position == {PLACE: OffsetAndMetadata(42, "", -1)}
    assert service.tally["malformed"] == service.tally["set aside"] == 1


def test_without_a_topic_for_dead_letters_a_record_is_counted_only(service: Debits):
    service.topics = Topics("payments", "debits", "balances")
    producer = Producer()
    service._answer(producer, MEMBER, PLACE, records(b"{"))
    assert producer.steps == ["begin", "flush", "offsets", "commit"]
    assert (service.tally["malformed"], service.tally["set aside"]) == (1, 0)


def test_a_transaction_that_fails_changes_neither_accounts_nor_counts(service: Debits):
    producer = Producer()
    producer.commit_transaction = lambda: 1 / 0  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        service._answer(producer, MEMBER, PLACE, records(payment(250), b"{"))
    assert service.accounts == {1: {}}
    assert not service.tally


def test_an_instance_that_was_put_out_of_its_group_writes_nothing(service: Debits):
    producer = Producer()
    with pytest.raises(CommitFailedError):
        service._answer(producer, SimpleNamespace(member_id="", generation_id=-1), PLACE, records(payment(1)))
    assert producer.steps == []


def test_accounts_of_partitions_that_others_hold_now_are_forgotten(service: Debits):
    service.accounts[2] = {}
    service.lag = {1: 5, 2: 6}
    service.on_partitions_revoked([PLACE, TopicPartition("payments", 9)])
    assert (service.accounts, service.lag) == ({2: {}}, {2: 6})


def test_a_partition_is_learnt_once(service: Debits, monkeypatch: pytest.MonkeyPatch):
    learnt: list[int] = []
    monkeypatch.setattr(debits, "accounts_of", lambda kafka, topic, number: learnt.append(number) or {})
    service._known(3)
    service._known(3)
    service._known(1)
    assert learnt == [3]


def test_the_service_is_made_from_its_settings():
    env = {"KAFKA_BOOTSTRAP": "127.0.0.1:9", "POD_NAME": "debits-7", "WORK_MS": "250"}
    made = debits.wire(Settings.read("debits", env))
    assert made.topics == Topics("payments", "debits", "balances", "payments-dead-letters")
    assert (made.group, made.instance, made.work) == ("debits", "debits-7", 0.25)
