"""Checks of lesson 03."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from numbers import Real
from typing import Any

from workshop.domain.payments import PaymentMade
from workshop.domain.payments.events import MalformedEvent
from workshop.kafka import consume
from workshop.lessons.replication import freezes
from workshop.lessons.replication.trial import SENT, try_out
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

NAMES = {"copies": (1, 2, 3), "min_in_sync": (1, 2, 3), "acks": (0, 1, "all")}
FORM = 'a dict with three keys, such as {"copies": 1, "min_in_sync": 1, "acks": 0}'
SET_UP = "Run the cell above that begins with `events =` (it creates a new `storm`), then your answer, then this check."


@exercise("03.1", "settings that survive any one broker, and still write")
def settings(ws: Connection, answer: Any) -> str:
    """Try the settings on failing brokers: what is accepted, and what is lost."""
    unanswered(answer is None, observed="`settings` is None", expected=FORM)
    copies, min_in_sync, acks = _read(answer)
    seen = try_out(ws, copies, min_in_sync, acks)
    expect(
        seen.led,
        observed=f"broker {seen.dead} died, and nobody else has a replica: no broker can lead the partition",
        expected="another broker that takes over",
        hint="how many replicas do you need, so that one of them may go?",
    )
    expect(
        seen.accepted == SENT,
        observed=f"with one broker dead, {seen.accepted} of {SENT} payments were accepted: safe, and closed",
        expected=f"all {SENT}",
        hint="`copies` minus `min_in_sync` is how many brokers may be away while payments are still accepted",
    )
    expect(not seen.lost, **_lost(seen.lost, acks))
    return (
        f"with one broker dead, {seen.accepted} of {SENT} payments were accepted. With one replica left in sync, "
        f"{seen.alone} of {SENT} were accepted. Then the broker of this replica was lost, and every acknowledged payment "
        "was still there"
    )


def _lost(lost: int, acks: object) -> dict[str, str]:
    if acks in (0, 1):
        seen = f"{lost} acknowledged payments are gone: with acks={acks} the answer comes before any follower has them"
        hint = "which `acks` waits until the followers have the payment?"
    else:
        seen = f"{lost} acknowledged payments are gone: only one replica was in sync, and it was allowed to acknowledge alone"
        hint = '`acks="all"` means all replicas that are *in sync*. Which setting says how many these must be?'
    return {
        "observed": seen,
        "expected": "every acknowledged payment survives the loss of any one broker",
        "hint": hint,
    }


def _read(answer: Any) -> tuple[int, int, object]:
    """Return copies, min_in_sync and acks of an answer."""
    try:
        given = dict(answer)
    except (TypeError, ValueError):
        given = None
    expect(given is not None, observed=f"`settings` is {answer!r}, and not a dict", expected=FORM)
    assert given is not None
    missing, unknown = [key for key in NAMES if key not in given], [key for key in given if key not in NAMES]
    expect(
        not missing and not unknown,
        observed="; ".join(
            [f"`settings` has no {_quoted(missing)}"] * bool(missing)
            + [f"`settings` has {_quoted(unknown)}, which is none of the three settings"] * bool(unknown)
        ),
        expected=FORM,
    )
    found = {
        "copies": _whole(given["copies"]),
        "min_in_sync": _whole(given["min_in_sync"]),
        "acks": _acks(given["acks"]),
    }
    for name, values in NAMES.items():
        expect(
            any(found[name] == value for value in values),
            observed=f"`{name}` is {given[name]!r}",
            expected=f"one of {', '.join(map(repr, values))}",
        )
    expect(
        found["min_in_sync"] <= found["copies"],  # type: ignore[operator]  # they were compared above
        observed=f"`min_in_sync` is {found['min_in_sync']} and `copies` is {found['copies']}",
        expected="`min_in_sync` is at most `copies`",
        hint='`min_in_sync` is larger than `copies`: no write with `acks="all"` is ever accepted.',
    )
    return found["copies"], found["min_in_sync"], found["acks"]  # type: ignore[return-value]  # they were compared above


def _quoted(names: Iterable[object]) -> str:
    return ", ".join(repr(name) for name in names)


def _whole(value: object) -> object:
    """Return a whole number of any type, also one in text as Kafka's settings have it; other values are left."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return int(float(value)) if float(value).is_integer() else None


def _acks(value: object) -> object:
    """Return acks as 0, 1 or "all"; -1 is Kafka's number for all."""
    if value == "all" or _whole(value) == -1 or value == "-1":
        return "all"
    return _whole(value)


@exercise("03.2", "each payment once, through a freeze")
def once_each(ws: Connection, topic: str, events: list[PaymentMade]) -> str:
    """Check that each payment was written once, while a follower was frozen, by a producer that numbers its records."""
    records = consume.read_all(ws, topic)
    noted = freezes.NOTED[topic]
    unanswered(not records and not noted, observed=f"`{topic}` is empty")
    times = Counter(_payment_id(record.value) for record in records)
    _each_is_there(times, events)
    expect(
        noted,
        observed=f"{len(records)} records of {len(times)} payments, and no follower of `storm` was frozen",
        expected="payments that are sent within `with lesson.frozen_follower(ws, storm):`",
        hint=SET_UP,
    )
    _no_earlier_try(len(records), len(times), noted[-1].first)
    _numbered(len(records), len(times), freezes.numbered(ws, topic))
    _once(len(records), len(times))
    expect(
        noted[-1].written,
        observed="no payment reached the log while the follower was frozen",
        expected="`producer.send` within the block `with lesson.frozen_follower(ws, storm):`",
        hint=SET_UP,
    )
    return f"{len(records)} records of {len(times)} payments, written through a freeze by an idempotent producer"


def _payment_id(value: bytes | None) -> str:
    try:
        return PaymentMade.parse(value).payment_id
    except MalformedEvent as error:
        expect(
            False,
            observed=f"a record in `storm` is no payment: {error}",
            expected="`value=event.value()` for each event of `events`",
            hint=SET_UP,
        )
        raise


def _each_is_there(times: Counter, events: list[PaymentMade]) -> None:
    missing = {event.payment_id for event in events} - set(times)
    expect(
        not missing,
        observed=f"{len(missing)} of {len(events)} payments are not in the log",
        expected="all of them",
        hint="the freeze is shorter than `delivery_timeout_ms`: let the producer retry, and wait with `flush()`. "
        + SET_UP,
    )
    strangers = set(times) - {event.payment_id for event in events}
    expect(
        not strangers,
        observed=f"{len(strangers)} payments in the log are none of `events`",
        expected="the payments in `events` and no others",
        hint=SET_UP,
    )


def _no_earlier_try(records: int, payments: int, before: int) -> None:
    expect(
        not before,
        observed=f"{records} records of {payments} payments; {before} were there before the last freeze began, "
        "perhaps from an earlier try",
        expected="an empty `storm` when the freeze begins",
        hint=SET_UP,
    )


def _numbered(records: int, payments: int, numbered: int) -> None:
    lucky = ": you were lucky, a repeated request would have been written twice" if records == payments else ""
    expect(
        numbered >= records,
        observed=f"{records} records of {payments} payments, and {numbered} of them carry the number of an idempotent "
        f"producer{lucky}",
        expected="each payment once, numbered by its producer",
        hint='who may retry safely? Idempotence needs `acks="all"`; `enable_idempotence=False` and `acks=1` switch it off. '
        + SET_UP,
    )


def _once(records: int, payments: int) -> None:
    expect(
        records == payments,
        observed=f"{records} records of {payments} payments",
        expected=f"{payments} records",
        hint="a program that sends a payment again gives it a new number, and writes it twice. Who may retry safely? "
        + SET_UP,
    )


questions = quick_questions(
    "03",
    Question(
        "c",
        a='This is `acks=1`: the leader answers before any follower has the record. `acks="all"` waits for more.',
        b="Then one dead broker would stop all writes. In section 2 they went on: a dead broker leaves the in-sync replicas.",
        c='"All" are the replicas that are in sync at this moment; `min.insync.replicas` is the least number of them.',
        d="`min.insync.replicas` is a minimum, not a target: while three are in sync, all three must have the record.",
    ),
    Question(
        "b",
        a="In section 5 the first attempt had timed out, and its records were in the log.",
        b="Only the answer is missing. The record may be in the log or not, and a careless retry may write it twice.",
        c="In section 4 the leader had the records, but no other broker had them, and they were gone with the leader.",
    ),
    Question(
        "d",
        a="Three brokers have the record, but at first in memory: Kafka acknowledges before the disk has it.",
        b="Kafka does not wait for the disk (`fsync`) before it acknowledges, unless you set it so, which costs much time.",
        c='`acks="all"` protects against the loss of some brokers, not against the loss of the memory of all of them.',
        d="Each broker may have the record in its page cache only. This is why replicas belong in different zones.",
    ),
)
