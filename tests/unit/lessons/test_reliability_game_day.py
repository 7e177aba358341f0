"""Lesson 09: poison, a reader that comes to the same record again, and what the checks tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from workshop.domain.payments import MalformedEvent, PaymentMade
from workshop.domain.payments.events import AccountDebited
from workshop.kafka import consume
from workshop.kafka.dead_letters import DeadLetter
from workshop.lessons.reliability_game_day import checks, experiments, keys
from workshop.notebook.exercises import engine

AT = datetime(2018, 6, 12, tzinfo=UTC)
PLACE = TopicPartition("topic", 0)


def record(value: bytes, offset: int = 0) -> SimpleNamespace:
    return SimpleNamespace(value=value, offset=offset)


def test_poison_cannot_be_read_and_other_payments_can():
    assert experiments.debit(record(experiments.parsable(3))).card == "card-0003"
    with pytest.raises(MalformedEvent, match="amount_cents"):
        experiments.debit(record(experiments.poisoned(3)))


class Consumer:
    """A consumer that notes where it is moved to and what is committed."""

    def __init__(self) -> None:
        self.sought: list[int] = []
        self.committed: list[OffsetAndMetadata] = []

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.sought.append(offset)

    def commit(self, offsets: dict) -> None:
        self.committed += offsets.values()


def test_a_record_that_is_not_taken_comes_again_and_those_behind_it_wait():
    records = [
        record(experiments.parsable(0), 5),
        record(experiments.poisoned(), 6),
        record(experiments.parsable(1), 7),
    ]
    reader = experiments.SmallReader(SimpleNamespace(), "topic", experiments.debit)
    consumer = Consumer()
    reader._handle(consumer, PLACE, records)
    assert consumer.sought == [6]
    assert [one.offset for one in consumer.committed] == [6]


def test_a_reader_that_sets_aside_goes_on():
    aside: list[tuple] = []
    take = experiments._setting_aside(lambda record, why: aside.append((record.offset, why)))
    reader = experiments.SmallReader(SimpleNamespace(), "topic", take)
    consumer = Consumer()
    reader._handle(consumer, PLACE, [record(experiments.poisoned(), 6), record(experiments.parsable(1), 7)])
    assert consumer.sought == []
    assert [one.offset for one in consumer.committed] == [7, 8]
    ((offset, why),) = aside
    assert offset == 6
    assert "amount_cents" in why


def test_events_of_a_kind_and_a_card_are_counted_by_payment(monkeypatch: pytest.MonkeyPatch):
    events = [
        AccountDebited("card", 1, AT, "a"),
        AccountDebited("card", 1, AT, "a"),
        AccountDebited("other", 1, AT, "b"),
        PaymentMade("card", "t", 1, AT, "c"),
    ]
    records = [*(record(event.value()) for event in events), record(b"rubbish")]
    monkeypatch.setattr(consume, "read_all", lambda ws, topic, **options: records)
    assert keys._times(None, "debits", AccountDebited, "card") == {"a": 2}
    assert keys._debited(None, "card", {"a"}) == {"a": 2}
    assert keys._debited(None, "card", {"a", "c"}) == {}


def unmet(call: Callable[[], object]) -> str:
    with pytest.raises(engine._Unmet) as told:
        call()
    return dict(told.value.lines)["observed"]


LOST, TWICE = {str(checks.LOST)}, {str(checks.TWICE)}


def test_a_reconciliation_that_finds_both_passes():
    checks._judge_planted(LOST, TWICE)


@pytest.mark.parametrize(
    ("lost", "twice", "said"),
    [
        (set(), set(), "you found nothing: equal sums hide 1 lost + 1 double"),
        (LOST | {str(checks.LATE)}, TWICE, "you say that 77 is lost: it timed out, and id 77 was written"),
        (LOST | {str(checks.NEVER)}, TWICE, "you say that 91 is lost: it timed out, and nobody was told"),
        (TWICE, TWICE, "lost: ['58']"),
        (LOST, LOST, "twice: ['23']"),
    ],
)
def test_a_reconciliation_that_is_wrong_is_told_by_its_ids(lost: set, twice: set, said: str):
    assert unmet(lambda: checks._judge_planted(lost, twice)).startswith(said)


@pytest.mark.parametrize("found", [None, {"1"}, ({"1"},), ("1", {"2"}), [{"1"}, {"2"}]])
def test_an_answer_that_is_no_pair_of_sets_is_shown(found: object):
    assert unmet(lambda: checks._asked(lambda ledger, debits: found, [], [])).startswith("reconcile(...) returned")


def letters(*offsets: int, reason: str = "amount_cents is '12,50'") -> list[DeadLetter]:
    return [DeadLetter(None, b"", "topic", 0, offset, "yours", reason) for offset in offsets]


READABLE = Counter(number for number in range(checks.PAYMENTS) if number not in checks.POISON)


def test_a_policy_that_sets_the_poison_aside_passes():
    said = checks._judge_policy(100, READABLE, letters(*checks.POISON))
    assert said == "97 debited, 3 set aside with the reason, offset 100: nothing waits"


@pytest.mark.parametrize(
    ("at", "debited", "aside", "said"),
    [
        (41, READABLE, letters(), "offset still at 41"),
        (100, Counter(range(40)), letters(*checks.POISON), "57 readable payments were not debited, such as offset 40"),
        (100, READABLE, letters(41), "2 vanished: offsets [55, 70]"),
        (100, READABLE, letters(*checks.POISON, 5), "4 records were set aside"),
        (100, READABLE, letters(*checks.POISON, 41), "4 records were set aside"),
        (100, READABLE, letters(*checks.POISON, reason="bad"), "the reason is ['bad']"),
    ],
)
def test_a_policy_that_is_wrong_is_told(at: int, debited: Counter, aside: list, said: str):
    assert unmet(lambda: checks._judge_policy(at, debited, aside)).startswith(said)
