"""Checks of lesson 01."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, TopicPartition

from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.kafka.produce import publish
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord


@exercise("01.1", "a bookmark for each group")
def bookmarks(ws: Connection, topic: str, fraud: str, billing: str) -> str:
    """Check that fraud starts at the beginning and billing at the end, then publish ten new events."""
    past = len(consume.read_all(ws, topic))
    marks = {group: _committed(ws, topic, group) for group in (fraud, billing)}
    unanswered(
        not any(marks.values()), observed="neither group has a bookmark", expected="one in each partition for both"
    )
    for group, word in ((fraud, "fraud"), (billing, "billing")):
        expect(
            len(marks[group]) == 3,
            observed=f"`{word}` has a bookmark in {len(marks[group])} of 3 partitions",
            expected="one in each: where there is none, the default skips what comes before the first start",
            hint="a group's bookmarks are its own: `group_id=` says whose you commit",
        )
    left = {group: past - sum(marks[group].values()) for group in marks}
    expect(
        left[fraud] == past,
        observed=f"`fraud` would read {left[fraud]} of the {past} past events",
        expected=f"all {past}",
        hint="`seek_to_beginning()` before you commit",
    )
    expect(
        left[billing] == 0,
        observed=f"`billing` would read {left[billing]} past events again",
        expected="none of the past, everything new",
        hint="`seek_to_end()`, then `position()` to settle it, then `commit()`",
    )
    publish(ws, topic, story.one_day()[:10])
    got = {group: _resume(ws, topic, group, marks[group]) for group in marks}
    return f"ten new events came: `fraud` read {got[fraud]}, `billing` read {got[billing]}"


def _committed(ws: Connection, topic: str, group: str) -> dict[int, int]:
    with closing(KafkaConsumer(**ws.kafka, group_id=group)) as consumer:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        found = {place.partition: consumer.committed(place) for place in places}
    return {number: offset for number, offset in found.items() if offset is not None}


def _resume(ws: Connection, topic: str, group: str, marks: Mapping[int, int]) -> int:
    """Return the number of events at or after the committed offsets."""
    return sum(1 for record in consume.read_all(ws, topic) if record.offset >= marks[record.partition])


@exercise("01.2", "a refund is a fact of its own")
def refund(ws: Connection, topic: str, payment: PaymentMade) -> str:
    """Check that the payment is still there, and that one later event refers to it and states the refund."""
    records = consume.read_all(ws, topic)
    events = [_event(record) for record in records]
    original = [e for e in events if e["type"] == "PaymentMade" and e.get("payment_id") == payment.payment_id]
    others = [e for e in events if e not in original]
    unanswered(len(records) <= 1, observed=f"`{topic}` holds the payment and nothing else", expected="one more event")
    expect(
        len(original) == 1,
        observed=f"payment `{payment.payment_id}` was made {len(original)} times: the customer is charged twice",
        expected="the payment once, as it happened",
        hint="publish a new kind of event rather than the payment again",
    )
    expect(
        len(others) == 1,
        observed=f"{len(others)} events besides the payment",
        expected="one",
        hint="start with a fresh topic",
    )
    refund = others[0]
    expect(
        refund["type"] != "PaymentMade",
        observed=f"another PaymentMade, of {refund.get('amount_cents')} cents: no payment of that kind was ever made",
        expected="an event whose type says what happened",
        hint="a fact of its own, in the past tense",
    )
    expect(
        refund.get("payment_id") == payment.payment_id,
        observed=f"a {refund['type']} with payment_id {refund.get('payment_id')!r}: which payment is given back?",
        expected=f"payment_id {payment.payment_id!r}",
        hint="refer to the payment by its id",
    )
    expect(
        refund.get("amount_cents") == payment.amount_cents,
        observed=f"amount_cents is {refund.get('amount_cents')!r}",
        expected=f"{payment.amount_cents}: what is given back; the type says in which direction",
        hint="amounts are positive; a fold knows which events take and which give",
    )
    keys = {record.key for record in records}
    expect(
        keys == {payment.key()},
        observed=f"keys {sorted(map(str, keys))}",
        expected=f"{payment.key()!r} for both",
        hint="one card, one key: so the refund stays after its payment",
    )
    return f"a {refund['type']} refers to {payment.payment_id}: the balance is back where it was, and both facts remain"


def _event(record: ConsumerRecord) -> dict:
    try:
        event = json.loads(record.value)
        return {"type": "something without a type", **event}
    except (ValueError, TypeError):
        return {"type": f"record at offset {record.offset} that is not a JSON object"}
