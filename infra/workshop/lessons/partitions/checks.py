"""Checks of lesson 02."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from workshop.domain.payments import MalformedEvent, PaymentMade
from workshop.kafka import consume
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

AGAIN = "run the set-up cell above your answer again, then your answer"


@exercise("02.1", "a copy with more partitions")
def copied(ws: Connection, narrow: str, wide: str) -> str:
    """Check that the copy has each record once, with its key, and each card's payments in their order."""
    before, after = consume.read_all(ws, narrow), consume.read_all(ws, wide)
    _unchanged(before, narrow)
    unanswered(
        not after,
        observed=f"`{wide}` is empty",
        expected=f"the {len(before)} records of `{narrow}`; a consumer starts at the end unless it is told otherwise",
    )
    times = Counter(_payment(record, wide).payment_id for record in after)
    wanted = [PaymentMade.parse(record.value).payment_id for record in before]
    missing = set(wanted) - set(times)
    expect(
        not missing,
        observed=f"{len(missing)} of {len(wanted)} payments {'is' if len(missing) == 1 else 'are'} not in `{wide}`",
        expected="all of them",
        hint="read all partitions to their ends (`end_offsets`), and `flush()` the producer",
    )
    repeated = sum(times.values()) - len(times)
    expect(
        not repeated,
        observed=f"{len(after)} records of {len(times)} payments",
        expected="each payment once",
        hint=AGAIN,
    )
    _as_it_was(before, after)
    _in_order_by_card(before, after)
    _spread(ws, wide, after)
    return (
        f"{len(after)} records in {len({r.partition for r in after})} partitions, and each card's payments are in order"
    )


def _unchanged(before: list, topic: str) -> None:
    """Expect the original topic as its set-up cell filled it."""
    twice = len(before) - len({_payment(record, topic).payment_id for record in before})
    expect(
        not twice,
        observed=f"the original has {twice} {'record' if twice == 1 else 'records'} more than before",
        expected="copies in the other topic only",
        hint=AGAIN,
    )


def _as_it_was(before: list, after: list) -> None:
    """Expect each payment unchanged; another form of the same JSON is as good."""
    original = {payment.payment_id: payment for payment in (PaymentMade.parse(record.value) for record in before)}
    copies = (PaymentMade.parse(record.value) for record in after)
    changed = next((one for one in copies if one != original.get(one.payment_id)), None)
    expect(
        changed is None,
        observed=f"payment {changed.payment_id if changed else ''} is not as it was in the original",
        expected="the payments of the original, unchanged",
        hint=f"`send(…, value=record.value)`; {AGAIN}",
    )


def _payment(record: ConsumerRecord, topic: str) -> PaymentMade:
    """Return the payment in a record, or end the check with what the record holds."""
    try:
        return PaymentMade.parse(record.value)
    except (MalformedEvent, TypeError):
        expect(
            False,
            observed=f"partition {record.partition} of `{topic}` has a record with the value {str(record.value)[:60]}",
            expected="a payment, as bytes",
            hint=f"send the value that you have, unchanged; {AGAIN}",
        )
        raise


def _spread(ws: Connection, topic: str, records: list) -> None:
    """Expect records in all partitions of a topic; with some hundred keys, the hash reaches each of them."""
    with closing(ws.admin()) as admin:
        count = len(admin.describe_topics([topic])[0]["partitions"])
    empty = sorted(set(range(count)) - {record.partition for record in records})
    expect(
        not empty,
        observed=f"partitions of `{topic}` without a record: {', '.join(map(str, empty))}",
        expected=f"records in all {count} partitions: readers of an empty one have nothing to do",
        hint="give `send` the key and no partition: the producer computes it for the new topic",
    )


def _in_order_by_card(before: list, after: list) -> None:
    places: dict[str, set[int]] = {}
    order: dict[str, list[str]] = {}
    for record in after:
        payment = PaymentMade.parse(record.value)
        places.setdefault(payment.card, set()).add(record.partition)
        order.setdefault(payment.card, []).append(payment.payment_id)
    torn = next((card for card, numbers in places.items() if len(numbers) > 1), "")
    expect(
        not torn,
        observed=f"{torn} is in partitions {sorted(places.get(torn, ()))}: its payments have no order any more",
        expected="each card in one partition",
        hint="what decides about the partition? Hand it on with the value",
    )
    wanted: dict[str, list[str]] = {}
    for record in before:
        payment = PaymentMade.parse(record.value)
        wanted.setdefault(payment.card, []).append(payment.payment_id)
    moved = next((card for card in wanted if order[card] != wanted[card]), "")
    expect(
        not moved,
        observed=f"the payments of {moved} are in another order than in the original",
        expected="the order of the original",
        hint="send each partition's records in the order of their offsets",
    )
    unlike = next((record for record in after if record.key != PaymentMade.parse(record.value).key()), None)
    expect(
        unlike is None,
        observed=f"a record has the key {unlike.key if unlike else None!r}",
        expected="the key of the original: the next producer must find the same partition",
        hint="`send(…, key=record.key, value=record.value)`",
    )


@exercise("02.2", "relief for the hot partition")
def relief(ws: Connection, topic: str, events: list[PaymentMade]) -> str:
    """Check that no partition has 40 % of the events, and that pairs of card and terminal stay in order."""
    records = consume.read_all(ws, topic)
    unanswered(not records, observed=f"`{topic}` is empty", expected=f"the {len(events)} payments of `hot`")
    found = [(record, _payment(record, topic)) for record in records]
    expect(
        Counter(event.payment_id for _, event in found) == Counter(event.payment_id for event in events),
        observed=f"{len(records)} events for {len(events)} payments",
        expected="each payment once",
        hint=f"{AGAIN}; publish each event once",
    )
    share = Counter(record.partition for record in records)
    hottest, most = share.most_common(1)[0]
    places: dict[tuple[str, str], set[int]] = {}
    for record, event in found:
        places.setdefault((event.card, event.terminal), set()).add(record.partition)
    torn = next((pair for pair, numbers in places.items() if len(numbers) > 1), None)
    expect(
        torn is None,
        observed=f"{torn} is in partitions {sorted(places[torn] if torn else ())}: its payments have no order any more",
        expected="each card and terminal in one partition",
        hint="the same pair must always give the same key",
    )
    expect(
        most < 0.4 * len(records),
        observed=f"partition {hottest} has {most / len(records):.0%} of the events",
        expected="less than 40 % in each",
        hint="a finer key: must all payments of a card stay together, or only those at one terminal?",
    )
    last: dict[tuple[str, str], PaymentMade] = {}
    for _, event in found:
        before = last.get((event.card, event.terminal))
        expect(
            before is None or before.at <= event.at,
            observed=f"payment {event.payment_id} comes after one that happened later",
            expected="the order in which they happened",
            hint="publish the events in the order of the list",
        )
        last[event.card, event.terminal] = event
    return f"the hottest partition has {most / len(records):.0%}; {len(places)} pairs of card and terminal are in order"


questions = quick_questions(
    "02",
    Question(
        "c",
        a="No: it would help brokers, but a group never lets two of its members read the same partition.",
        b="No: with four partitions, the fifth member gets no partition at all.",
        c="Yes: the number of partitions limits the members. A new topic with more of them, and a copy, is the way out.",
    ),
    Question(
        "a",
        a="Yes: the hash is taken modulo the number of partitions, so most cards go elsewhere from then on.",
        b="No: nothing that is written ever moves to another partition.",
        c="No: Kafka adds partitions at any time; it is the keys' order that suffers, and nobody is told.",
    ),
    Question(
        "b",
        a="No: a killed process sends nothing. Nobody hears of it at once.",
        b="Yes: the coordinator waits for the session timeout, 45 seconds by default, before it assigns the partitions anew.",
        c="No: `max.poll.interval.ms` finds a member that lives and is stuck; a dead one misses its heartbeats first.",
    ),
)
