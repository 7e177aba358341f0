"""Checks of lesson 01."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from numbers import Integral
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition

from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.kafka.produce import publish
from workshop.lessons.events_and_topics import made_consumers, past_tense
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

made_consumers.note()

SEEK = (
    "`seek_to_beginning()` and `seek_to_end()` take effect at the next `poll()` or `position()`. "
    "Before that the consumer has no position, and `commit()` commits nothing"
)
PAST, NEW = 200, 10  # payments that the set-up cell and the check publish


@exercise("01.1", "a committed offset for each group")
def committed_offsets(ws: Connection, topic: str, fraud: str, billing: str) -> str:
    """Check that fraud starts at the beginning and billing after the past, and count what both would read.

    Past are the first 200 payments of the day, which the set-up cell published. If nothing newer is left for `billing`,
    the check publishes ten payments; so it can run again.
    """
    groups = {"fraud": fraud, "billing": billing}
    ends = _ends(ws, topic)
    marks = _committed(ws, list(ends), groups)
    _expect_marks(marks, len(ends), [word for word, group in groups.items() if _made(group)])
    for word, mark in marks.items():
        for place, end in ends.items():
            number, offset = place.partition, mark[place.partition]
            expect(
                offset <= end,
                observed=f"`{word}` has the committed offset {offset} in partition {number}, which ends at {end}",
                expected="an offset within each partition, or its end",
                hint="`seek_to_end()` finds the end of a partition, and so does `consumer.end_offsets(places)`",
            )
    records = consume.read_all(ws, topic)
    past = _past(records)
    left = {
        word: [record for record in past if record.offset >= mark[record.partition]] for word, mark in marks.items()
    }
    expect(
        len(left["fraud"]) == len(past),
        observed=f"`fraud` would read {len(left['fraud'])} of the {_payments(len(past))} of the past",
        expected=f"all {len(past)}",
        hint="Its committed offsets belong at the beginning: its next reader starts there",
    )
    expect(
        not left["billing"],
        observed=f"`billing` would read {_payments(len(left['billing']))} of the past",
        expected="none of the past, everything new",
        hint="Its committed offsets belong at the end of the partitions: its next reader starts there",
    )
    if not _after(records, marks["billing"]):
        publish(ws, topic, story.one_day()[PAST : PAST + NEW])
        records = consume.read_all(ws, topic)
    got = {word: len(_after(records, mark)) for word, mark in marks.items()}
    new = len(records) - len(past)
    return (
        f"{_payments(new)} came after the {len(past)} of the past: "
        f"`fraud` would read {got['fraud']}, `billing` would read {got['billing']}"
    )


def _expect_marks(marks: Mapping[str, Mapping[int, int]], partitions: int, made: list[str]) -> None:
    """Expect an offset in each partition for both groups."""
    nothing = not any(marks.values())
    both = "one in each of the partitions for both groups"
    unanswered(nothing and not made, observed="neither group has a committed offset", expected=both)
    expect(
        not nothing,
        observed=f"you made a consumer for {' and for '.join(f'`{one}`' for one in made)}, and nothing was committed",
        expected=both,
        hint=f"A consumer that is made and closed commits nothing. {SEEK}",
    )
    for word, mark in marks.items():
        nowhere = len(mark) == 0
        expect(
            len(mark) == partitions,
            observed=f"`{word}` has a committed offset in {len(mark)} of {partitions} partitions",
            expected="one in each: where there is none, `auto_offset_reset` decides",
            hint=(
                f"Committed offsets belong to a group: `group_id={word}` says to which. {SEEK}"
                if nowhere
                else "`assign(places)` takes all partitions; ask for the position of each before you commit"
            ),
        )


def _made(group: str) -> bool:
    return group in made_consumers.groups()


def _committed(ws: Connection, places: list[TopicPartition], groups: Mapping[str, str]) -> dict[str, dict[int, int]]:
    """Return the committed offsets of each group by its word; an admin client asks, which is no member of a group."""
    with closing(ws.admin()) as admin:
        found = {word: admin.list_group_offsets({group: places}).get(group, {}) for word, group in groups.items()}
    return {
        word: {place.partition: one.offset for place, one in offsets.items() if one.offset >= 0}
        for word, offsets in found.items()
    }


def _ends(ws: Connection, topic: str) -> dict[TopicPartition, int]:
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        return consumer.end_offsets([TopicPartition(topic, number) for number in consume.partitions_of(ws, topic)])


def _past(records: list[ConsumerRecord]) -> list[ConsumerRecord]:
    """Return the records of the payments that the set-up cell published."""
    values = {payment.value() for payment in story.one_day()[:PAST]}
    return [record for record in records if record.value in values]


def _after(records: list[ConsumerRecord], marks: Mapping[int, int]) -> list[ConsumerRecord]:
    """Return the records at or after the committed offsets."""
    return [record for record in records if record.offset >= marks[record.partition]]


def _payments(number: int) -> str:
    return f"{number} payment" if number == 1 else f"{number} payments"


@exercise("01.2", "a refund is an event of its own")
def refund(ws: Connection, topic: str, payment: PaymentMade) -> str:
    """Check that the payment is still there, and that one later event refers to it and states the refund."""
    records = consume.read_all(ws, topic)
    unanswered(
        len(records) <= 1,
        observed=f"`{topic}` holds the payment and nothing else",
        expected="one more event; `flush()` or `close()` waits until it is written",
    )
    original, others = _apart(records, payment)
    again = "Run the set-up cell, which makes a fresh topic, then your answer once"
    expect(
        len(original) == 1,
        observed=f"payment `{payment.payment_id}` was made {len(original)} times: the customer is charged twice",
        expected="the payment once, as it happened",
        hint=f"Publish a new kind of event rather than the payment again. {again}",
    )
    expect(
        len(others) == 1,
        observed=f"{len(others)} records besides the payment",
        expected="one event",
        hint=f"{again}: the topic keeps what earlier tries wrote",
    )
    event = _event(others[0])
    _expect_type(event)
    _expect_reference(event, payment)
    _expect_amount(event.get("amount_cents"), payment.amount_cents)
    expect(
        others[0].key == payment.key(),
        observed=f"the key of your event is {others[0].key!r}",
        expected=f"{payment.key()!r}, as that of the payment",
        hint="The key decides the partition: with the key of its card, the refund stays behind its payment",
    )
    return (
        f"an event `{event['type']}` refers to {payment.payment_id} and gives {payment.amount_cents} cents back; "
        "both facts remain in the log"
    )


def _apart(records: list[ConsumerRecord], payment: PaymentMade) -> tuple[list[ConsumerRecord], list[ConsumerRecord]]:
    """Return the records that state this payment, and the others."""
    states = [_states(record, payment) for record in records]
    return (
        [record for record, same in zip(records, states, strict=True) if same],
        [record for record, same in zip(records, states, strict=True) if not same],
    )


def _states(record: ConsumerRecord, payment: PaymentMade) -> bool:
    """Return whether a record says that this payment was made, whatever its other fields say."""
    try:
        event = json.loads(record.value)
    except (ValueError, TypeError):
        return False
    wanted = {"type": "PaymentMade", "payment_id": payment.payment_id}
    same = isinstance(event, dict) and {name: event.get(name) for name in wanted} == wanted
    return same and event.get("amount_cents") == payment.amount_cents


def _event(record: ConsumerRecord) -> dict:
    """Return the fields of the one event, or end the check with what is there instead."""
    where = f"the record at offset {record.offset}"
    expect(
        record.value is not None,
        observed=f"{where} is a tombstone: it has a key and no value",
        expected="an event with a value that says what happened",
        hint="A tombstone says nothing about a refund; in a compacted topic it would even delete the payment",
    )
    try:
        event = json.loads(record.value)
    except ValueError:
        event = None
    expect(
        isinstance(event, dict),
        observed=f"{where} is not a JSON object: {_shortened(record.value)}",
        expected="a JSON object, such as the payment's own value",
        hint='`json.dumps({"type": …, "payment_id": …, "amount_cents": …}).encode()`',
    )
    return event


def _shortened(value: bytes) -> str:
    return f"{value[:60]!r} …" if len(value) > 60 else repr(value)


def _expect_type(event: Mapping) -> None:
    name: Any = event.get("type")
    past = "a name in the past tense, as in `PaymentMade`"
    expect(
        isinstance(name, str) and past_tense.words(name),
        observed=f"an event without a type; its fields are {_listed(event)}" if not name else f"the type is {name!r}",
        expected=f"a field `type`: {past}",
        hint="A reader decides by the type what an event means: without one it can only guess",
    )
    expect(
        name != "PaymentMade",
        observed=f"another PaymentMade, of {event.get('amount_cents')} cents: nobody made such a payment",
        expected="an event whose type says what happened",
        hint="A refund is a fact of its own, with a name of its own in the past tense",
    )
    expect(
        not past_tense.asks(name),
        observed=f"`{name}` is a command: it asks for something, and it can still be refused",
        expected=f"an event: {past}",
        hint="The money has been given back already: name what happened",
    )
    expect(
        past_tense.states(name),
        observed=f"the type `{name}` does not say that something happened",
        expected=past,
        hint="Name what happened, with a verb in the past tense",
    )
    expect(
        not past_tense.only_begun(name),
        observed=f"`{name}` does not say that the money was given back",
        expected="an event that states the refund itself",
        hint="A request, an order or a refusal is a fact as well, but another one",
    )
    expect(
        not past_tense.takes(name),
        observed=f"`{name}` says that money was taken",
        expected="an event that says that the money was given back",
        hint="Name what the shop did with the money when the goods came back",
    )
    expect(
        past_tense.gives_back(name),
        observed=f"`{name}` does not say that the money was given back",
        expected="an event that states the refund itself",
        hint="The return of goods and a cancellation are facts as well: after them, the shop may still have the money",
    )


def _expect_reference(event: Mapping, payment: PaymentMade) -> None:
    said = event.get("payment_id")
    about = f"payment_id {said!r}" if "payment_id" in event else f"no field `payment_id`, only {_listed(event)}"
    expect(
        said == payment.payment_id,
        observed=f"an event `{event['type']}` with {about}: which payment is given back?",
        expected=f"`payment_id` on the top level of the object: {payment.payment_id!r}",
        hint="Refer to the payment by its id: `payment.payment_id`",
    )


def _expect_amount(said: object, cents: int) -> None:
    whole = isinstance(said, Integral) and not isinstance(said, bool)
    rule = hint = "Amounts are positive whole numbers of cents; the type of the event says whether it takes or gives"
    if said == -cents:
        hint = f"Do not write a negative amount. {rule}"
    elif said is not True and isinstance(said, int | float) and round(said * 100) == cents:
        hint = f"This looks like euros. {rule}"
    expect(
        whole and said == cents,
        observed="there is no field `amount_cents`" if said is None else f"`amount_cents` is {said!r}",
        expected=f"{cents}: the whole payment was given back",
        hint=hint,
    )


def _listed(event: Mapping) -> str:
    return ", ".join(f"`{name}`" for name in event) or "none"


questions = quick_questions(
    "01",
    Question(
        "b",
        a="Reading deletes nothing. Group A's commit moved the committed offset of group A, and nothing else.",
        b="Each group has committed offsets of its own. B has none yet, so `earliest` puts it at the beginning of the log.",
        c="Members of *one* group share the payments. These are two groups, and each of them gets all.",
    ),
    Question(
        "a",
        a="The work is done and the offset is not committed, so the next run begins with the same payment: at least once.",
        b="This happens if the commit comes *before* the work: at most once.",
        c="Kafka stores an offset. It cannot see whether your work was done, so it cannot leave the payment out.",
    ),
    Question(
        "c",
        a="A read payment and an unread one are the same to retention. It looks at the time of the records only.",
        b="A missing offset is an error only with `auto_offset_reset` set to `none`. The default, `latest`, raises nothing.",
        c="The offset is out of range, so `auto_offset_reset` decides. `latest` skips also what is still in the log.",
    ),
)
