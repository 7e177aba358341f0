"""Checks of lesson 09: a reconciliation of logs with planted faults, a policy for poison messages."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

from kafka import KafkaProducer

from workshop.kafka import dead_letters
from workshop.lessons.reliability_game_day import experiments as lesson
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered

PAYMENTS, LOST, TWICE, LATE, NEVER = 100, 23, 58, 77, 91  # ids; 77 timed out and was written, 91 timed out and was not
POISON = (41, 55, 70)  # the offsets of the poison messages, among 100 records


@exercise("09.1", "a reconciliation that finds what equal sums hide")
def reconciliation(ws: Connection, answer: Any) -> str:
    """Call the answer with a log with one loss, one double and two timeouts; then with a correct log."""
    unanswered(answer is None, observed="`reconcile` is None", expected="a function: reconcile(ledger, debits)")
    expect(callable(answer), observed=f"`reconcile` is {answer!r}", expected="a function: reconcile(ledger, debits)")
    cents = {str(n): random.Random(n).randrange(100, 1_000) for n in range(PAYMENTS)}  # noqa: S311
    cents[str(TWICE)] = cents[str(LOST)]
    ledger = [
        {"id": one, "cents": amount, "outcome": "unknown" if one in (str(LATE), str(NEVER)) else "acknowledged"}
        for one, amount in cents.items()
    ]
    good = [(one, amount) for one, amount in cents.items() if one != str(NEVER)]
    planted = [pair for pair in good if pair[0] != str(LOST)] + [(str(TWICE), cents[str(TWICE)])]
    lost, twice = _asked(answer, ledger, lesson.publish_debits(ws, planted))
    _judge_planted(lost, twice)
    lost, twice = _asked(answer, ledger, lesson.publish_debits(ws, good))
    expect(
        not lost and not twice,
        observed=f"in a log without a fault you found lost {sorted(lost)}, twice {sorted(twice)}",
        expected="two empty sets",
        hint="who is in both: ledger and log?",
    )
    return f"of {PAYMENTS} payments one was lost and one debited twice; the sums were equal, the ids were not"


def _judge_planted(lost: set, twice: set) -> None:
    expect(
        str(LATE) not in lost,
        observed=f"you say that {LATE} is lost: it timed out, and id {LATE} was written and debited",
        expected="lost is what was acknowledged and is not in the log",
        hint="a time-out means: I do not know. Nothing was promised",
    )
    expect(
        str(NEVER) not in lost,
        observed=f"you say that {NEVER} is lost: it timed out, and nobody was told that it was paid",
        expected="lost is what was *acknowledged* and is not in the log",
        hint='look at `entry["outcome"]`',
    )
    expect(
        bool(lost or twice),
        observed="you found nothing: equal sums hide 1 lost + 1 double",
        expected=f"lost: {{'{LOST}'}}, twice: {{'{TWICE}'}}",
        hint="join on ids: for each id of the ledger, how often is it in the log?",
    )
    expect(
        lost == {str(LOST)},
        observed=f"lost: {sorted(lost)}",
        expected=f"lost: ['{LOST}']",
        hint="ids that were acknowledged, minus ids in the log",
    )
    expect(
        twice == {str(TWICE)},
        observed=f"twice: {sorted(twice)}",
        expected=f"twice: ['{TWICE}']",
        hint="`Counter(debit.payment_id for debit in debits)` counts them",
    )


def _asked(answer: Callable, ledger: list[dict], debits: list) -> tuple[set, set]:
    found = answer([dict(entry) for entry in ledger], list(debits))
    good = isinstance(found, tuple) and len(found) == 2
    expect(
        good and all(isinstance(one, set | frozenset | list | tuple) for one in found),
        observed=f"reconcile(...) returned {found!r}"[:200],
        expected="two sets of ids: lost, twice",
    )
    return set(found[0]), set(found[1])


@exercise("09.2", "a policy for what nobody can read")
def policy(ws: Connection, take: Any) -> str:
    """Write 100 records with three poison messages; the reader calls `take` for each of them."""
    unanswered(take is None, observed="`take` is None", expected="a function: take(record, debit, set_aside)")
    expect(callable(take), observed=f"`take` is {take!r}", expected="a function: take(record, debit, set_aside)")
    topic, letters = ws.fresh_topic("poisoned", partitions=1), ws.fresh_topic("poisoned-aside", partitions=1)
    _fill(ws, topic)
    debited: list[int] = []
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:

        def debit(record: Any) -> None:
            lesson.debit(record)
            debited.append(record.offset)

        def set_aside(record: Any, reason: object) -> None:
            producer.send(letters, **dead_letters.letter(record, "yours", str(reason))).get(30)

        with lesson.SmallReader(ws, topic, lambda record: take(record, debit, set_aside)) as reader:
            at = _where_it_stops(reader)
    return _judge_policy(at, Counter(debited), dead_letters.read(ws.kafka, letters))


def _judge_policy(at: int, debited: Counter, aside: list[dead_letters.DeadLetter]) -> str:
    expect(
        at == PAYMENTS,
        observed=f"offset still at {at}: the reader asks for the same record again and again, and all behind it wait",
        expected=f"{PAYMENTS}, the end of the partition",
        hint="what `take` raises is tried again. Will it ever be readable? `except MalformedEvent as error:`",
    )
    missing = [n for n in range(PAYMENTS) if n not in POISON and not debited[n]]
    expect(
        not missing,
        observed=f"{len(missing)} readable payments were not debited, such as offset {missing[0] if missing else ''}",
        expected="each of them debited",
        hint="first `debit(record)`; only what it cannot read is set aside",
    )
    there = Counter(one.offset for one in aside)
    vanished = [n for n in POISON if not there[n]]
    expect(
        not vanished,
        observed=f"{len(vanished)} vanished: offsets {vanished} are neither debited nor set aside",
        expected="each of them among the dead letters",
        hint="somebody must be able to mend them: `set_aside(record, reason)`",
    )
    expect(
        set(there) == set(POISON) and not any(count > 1 for count in there.values()),
        observed=f"{sum(there.values())} records were set aside: offsets {sorted(there.elements())[:6]} …",
        expected=f"the {len(POISON)} that nobody can read, once each",
        hint="what was debited needs nobody to mend it",
    )
    reasons = {one.reason for one in aside}
    expect(
        all("amount_cents" in reason for reason in reasons),
        observed=f"the reason is {sorted(reasons)}",
        expected="why it could not be read: who mends it wants to know",
        hint="`str(error)` says it",
    )
    return f"97 debited, 3 set aside with the reason, offset {at}: nothing waits"


def _fill(ws: Connection, topic: str) -> None:
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        for number in range(PAYMENTS):
            value = lesson.poisoned(number) if number in POISON else lesson.parsable(number)
            producer.send(topic, value=value, partition=0)
        producer.flush()


def _where_it_stops(reader: lesson.SmallReader, patience: float = 60, still: int = 30) -> int:
    """Return the offset at which the reader is at the end, or repeats the same record."""
    seen: list[int] = []
    until = time.monotonic() + patience
    while time.monotonic() < until:
        seen.append(reader.committed().get(0, seen[-1] if seen else 0))
        rounds = len(reader.lags)
        if seen[-1] == PAYMENTS or (rounds > still and len(seen) > still and len(set(seen[-still:])) == 1):
            break
        time.sleep(0.1)
    return seen[-1]
