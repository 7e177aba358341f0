"""Checks of lesson 00."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from numbers import Integral
from typing import Any

from workshop.domain.payments.events import MalformedEvent, PaymentMade
from workshop.kafka import consume
from workshop.lessons.start_here import strays
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

AGAIN = "A log only grows: run the set-up cell, which makes a new topic, and then your answer once."
QUOTES = "`my_topic` is a variable that holds the topic's name: write it without quotes."


@exercise("00.1", "two payments of one card, one of another")
def two_cards(ws: Connection, topic: str, before: Mapping[tuple[str, int], int] | None = None) -> str:
    """Check three different payments with their card as key: two of one card, in one partition, and one of another.

    Args:
        before: end offsets that `experiments.end_offsets` returned before the answer; they tell whether events went to
            another topic.
    """
    records = consume.read_all(ws, topic)
    elsewhere = {} if records else strays.grown(ws, topic, before or {})
    expect(
        not elsewhere,
        observed=f"`{topic}` is empty, but {strays.listed(elsewhere)}",
        expected=f"three payments in `{topic}`",
        hint=_other_topic(elsewhere),
    )
    unanswered(
        not records,
        observed=f"the end offset of `{topic}` moved by 0: nothing has arrived",
        expected=f"three payments. {QUOTES} `send` only queues an event: `producer.flush()` waits until all are written.",
    )
    payments = [_payment(record) for record in records]
    counts = Counter(payment.card for payment in payments)
    expect(
        sorted(counts.values()) == [1, 2],
        observed=f"{_events(len(records))} of {len(counts)} card{'s' * (len(counts) != 1)}: {_listed(counts)}",
        expected="3 events: two of one card, one of another",
        hint=AGAIN,
    )
    ids = Counter(payment.payment_id for payment in payments)
    expect(
        len(ids) == len(payments),
        observed=f"payment `{ids.most_common(1)[0][0]}` is there {max(ids.values())} times",
        expected="three different payments",
        hint=f"Each call of `PaymentMade(...)` makes a new payment, with an id of its own. {AGAIN}",
    )
    places = {
        card: sorted({r.partition for r, p in zip(records, payments, strict=True) if p.card == card}) for card in counts
    }
    for card, numbers in places.items():
        expect(
            len(numbers) == 1,
            observed=f"the payments of `{card}` are in partitions {' and '.join(map(str, numbers))}",
            expected="the payments of one card in one partition, because only a partition keeps the order",
            hint=f"Leave the choice of the partition to the key. {AGAIN}",
        )
    return "; ".join(f"{counts[card]} × `{card}` in partition {places[card][0]}" for card in sorted(places))


def _other_topic(events: Mapping[str, int]) -> str:
    """Return what to write instead of the topic to which the events went."""
    if "my_topic" in events:
        return QUOTES
    names = " and ".join(f"`{name}`" for name in sorted(events))
    return f"You wrote to {names}; the exercise wants `my_topic`, without quotes."


def _payment(record: Any) -> PaymentMade:
    """Return the payment of a record; end the check if it is none, or if its card is not the key."""
    where = f"the event in partition {record.partition} at offset {record.offset}"
    expect(
        record.key,
        observed=f"{where} has no key",
        expected="each event has its card as its key",
        hint=f"A card inside the value is only content: `key` is an argument of `send`, as bytes. {AGAIN}",
    )
    try:
        payment = PaymentMade.parse(record.value)
    except (MalformedEvent, RecursionError) as error:
        expect(
            False,
            observed=f"the value of {where} is no payment: {error}. It begins with {(record.value or b'')[:40]!r}",
            expected="the value of a `PaymentMade`, with the amount as a whole number of cents",
            hint=f"`PaymentMade(...).value()` returns it as bytes. {AGAIN}",
        )
        raise
    key = record.key.decode(errors="replace")
    expect(
        key == payment.card,
        observed=f"{where} has the key `{key}`, and its card is `{payment.card}`",
        expected="each event has its card as its key",
        hint=f"`made.key()` returns the card of the payment `made` as bytes. {AGAIN}",
    )
    expect(
        payment.at.tzinfo,
        observed=f"{where} was made at {payment.at.isoformat()}, without a time zone",
        expected="a time with a time zone: without one, no other machine knows when that was",
        hint=f"`datetime.now(UTC)` has one, `datetime.now()` does not. {AGAIN}",
    )
    return payment


def _events(count: int) -> str:
    return f"{count} event{'s' * (count != 1)}"


def _listed(counts: Counter) -> str:
    return ", ".join(f"{count} × {card}" for card, count in counts.most_common(4))


FORM = 'a dict with the four cards as keys and broker numbers as values, such as `{"card-0007": 1, …}`'


@exercise("00.2", "the brokers that took the payments")
def writers(ws: Connection, topic: str, cards: Sequence[str], answer: Any) -> str:
    """Check the leaders of the partitions that contain the cards' payments against the current metadata.

    Args:
        answer: card to the number of its broker; a dict, a pandas Series or pairs.
    """
    unanswered(answer is None, observed="`brokers` is None", expected=FORM)
    given = _by_card(answer)
    missing = [card for card in cards if card not in given]
    expect(
        not missing,
        observed=f"`brokers` has no entry for {', '.join(missing)}",
        expected=FORM,
        hint="The cards are those of the set-up cell, as text.",
    )
    # The earliest record of a card is the one of the set-up cell; the answer may have written more.
    late_first = sorted(consume.read_all(ws, topic), key=lambda record: record.timestamp, reverse=True)
    places = {record.key.decode(): record.partition for record in late_first if record.key}
    with closing(ws.admin()) as admin:
        partitions = {p["partition_index"]: p for p in admin.describe_topics([topic])[0]["partitions"]}
        nodes = {broker["broker_id"] for broker in admin.describe_cluster()["brokers"]}
    for card in cards:
        _is_leader(given[card], card, partitions[places[card]], nodes)
    return "; ".join(f"`{card}` in partition {places[card]}, led by broker {int(given[card])}" for card in cards)


def _by_card(answer: Any) -> dict[str, Any]:
    """Return an answer as a dictionary; end the check if it cannot be one."""
    try:
        given = dict(answer.items() if hasattr(answer, "items") else answer)
    except (TypeError, ValueError):
        given = None
    expect(
        given is not None,
        observed=f"`brokers` is {answer!r}",
        expected=FORM,
        hint="Each card needs the number of its own broker.",
    )
    return {
        key.decode(errors="replace") if isinstance(key, bytes) else key: value for key, value in (given or {}).items()
    }


def _is_leader(node: Any, card: str, partition: Mapping, nodes: set[int]) -> None:
    """End the check unless a broker leads a partition; say what it is instead."""
    number = partition["partition_index"]
    whole = isinstance(node, Integral) or (isinstance(node, float) and node.is_integer())
    address = "An address is only the door through which a client comes in. " if ":" in str(node) else ""
    expect(
        whole and not isinstance(node, bool),
        observed=f"`brokers[{card!r}]` is {node!r}",
        expected="the number of a broker, such as 1",
        hint=f"{address}`leader_id` in the answer of `describe_topics` is that number.",
    )
    expect(
        node in nodes,
        observed=f"`brokers[{card!r}]` is {node}: there is no broker {node}, there are {sorted(nodes)}",
        expected=f"the broker that leads partition {number}",
        hint="A partition and an offset are numbers too, but not those of a broker.",
    )
    copies = "holds a copy of" if node in partition["replica_nodes"] else "holds nothing of"
    expect(
        node in _leaders(partition),
        observed=f"the payment of {card} is in partition {number}; broker {node} {copies} it and does not lead it",
        expected=f"the broker that leads partition {number}",
        hint="The key decides the partition, and the leader of that partition takes the write. "
        "If you ran the set-up cell again, or if a leader has moved, run your answer again.",
    )


def _leaders(partition: Mapping) -> set[int]:
    """Return the current leader, and the first one if another was elected since; the first one took the write.

    A busy machine can delay a broker's heartbeats, and the leader moves between an answer and its check.
    """
    first = {partition["replica_nodes"][0]} if partition.get("leader_epoch") else set()
    return {partition["leader_id"]} | first


questions = quick_questions(
    "00",
    Question(
        "b",
        a="An offset is never written twice: the log only grows. The second event gets the next offset.",
        b="Each `send` appends one more event. Both have the same `payment_id`, and whoever reads them can see that.",
        c="Kafka does not look into the value. Lessons 03 and 04 show what has to happen to debit such a payment only once.",
    ),
    Question(
        "c",
        a="The first address only has to answer one question: which brokers are there, and who leads which partition?",
        b="A broker does not forward writes. It would refuse them, because it does not lead the partition.",
        c="The client asks any broker for the metadata, and then connects to the leader itself.",
    ),
    Question(
        "b",
        a="That would be too strict: while payments flow, a follower is nearly always some records behind for a moment.",
        b="The limit is `replica.lag.time.max.ms`, 30 seconds by default. A slower follower leaves the in-sync replicas.",
        c="A replica is in the list of copies all the time, but in the in-sync list only while it keeps up.",
    ),
)
