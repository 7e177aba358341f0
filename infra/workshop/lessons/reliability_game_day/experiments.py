"""Lesson 09: customers who pay while faults are injected, and what the real services do with a poison message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pandas.io.formats.style import Styler

from workshop.base.pace import paced
from workshop.base.waiting import wait_until
from workshop.chaos import day as days
from workshop.chaos import faults
from workshop.chaos.day import Day
from workshop.chaos.figures import Step
from workshop.kafka import consume
from workshop.kafka.topics import DEAD_LETTERS, STORY, create
from workshop.lessons.reliability_game_day.pictures import (
    draw_beginning,
    draw_board,
    draw_matrix,
    draw_predictions,
    draw_requests,
)
from workshop.lessons.reliability_game_day.poison import publish_with_poison, text_amount
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

RATE = 15.0  # payments per second
PAYMENTS, DEBITS, LETTERS = "payments", "debits", "payments" + DEAD_LETTERS
GROUP = "debits"  # the consumer group of the service `debits`

# The helpers of the notebook that other modules define.
__all__ = ["draw_board", "draw_matrix", "draw_predictions", "draw_requests", "publish_with_poison", "text_amount"]


def ensure(ws: Connection) -> None:
    """Restore the stack and the delivered services, and create the topic for dead letters.

    Raises:
        WorkshopError: this stack has no Kubernetes, or the services do not become ready.
    """
    pods.core(ws)
    create(ws.kafka, STORY)
    faults.seeded(ws, 1).restore()


def restore(ws: Connection) -> None:
    """Restore the stack and the delivered services."""
    ensure(ws)


def catalogue() -> Styler:
    """Return a table of all faults."""
    rows = [(fault.name, fault.does.replace("`", "")) for fault in faults.FAULTS.values()]
    table = pd.DataFrame(rows, columns=["fault", "what happens"])
    return table.style.hide(axis="index").set_properties(**{"text-align": "left"})


def play(ws: Connection, *steps: str, seed: int = 9) -> Day:
    """Inject faults one after the other while customers pay, and draw the run; `a+b` start together.

    Each fault is repaired, and the next one starts when everything has recovered.

    Raises:
        WorkshopError: a name is unknown, the stack is foreign, or the stop rule applies.
    """
    chosen = [faults.parse(text) for text in steps]
    faults.must_be_ours(ws, (name for names in chosen for name in names))
    with customers(ws, seed) as day:
        for names in chosen:
            day.step(names)
            day.pass_(paced(days.CALM))
    return day


@contextmanager
def customers(ws: Connection, seed: int = 9) -> Iterator[Day]:
    """Let customers pay within a `with` block, and draw the run.

    At the end of the block, also after an error, everything is repaired, and each payment is compared with the log.

    Raises:
        WorkshopError: this stack has no Kubernetes, or the stop rule applies.
    """
    seen: list[Day] = []
    live = Live(lambda: draw_board(seen[0]) if seen else draw_beginning(), every=1.0)

    def draw(day: Day) -> None:
        seen[:] = [day]
        live.update()

    with days.running(ws, RATE, seed, meanwhile=draw) as day:
        yield day
    live.finish()


@contextmanager
def fault(day: Day, name: str) -> Iterator[None]:
    """Mark the faults of a `with` block in the picture; at its end, repair them and wait for the recovery.

    Raises:
        WorkshopError: the stop rule applies, or the recovery takes too long.
    """
    step = Step((name,), faults.now())
    day.steps.append(step)
    yield
    day.recover(step)


def watch(day: Day, seconds: float, least: float = 0.0) -> None:
    """Let time pass while the customers pay, and draw; a run of the suite shortens it, but not below `least` seconds.

    Raises:
        WorkshopError: the stop rule applies.
    """
    day.pass_(paced(seconds, least))


def wait_for_debits(ws: Connection, patience: float = 90) -> None:
    """Wait until `debits` has handled every record that is in `payments` now, and all its transactions are visible.

    Raises:
        WorkshopError: it does not, in time.
    """
    ends = _ends(ws, PAYMENTS)
    wait_until(lambda: _handled(ws, ends), patience, "the service `debits` to handle all payments", every=0.2)
    for topic in (DEBITS, LETTERS):
        there = _ends(ws, topic)
        visible = lambda topic=topic, there=there: _reached(_ends(ws, topic, COMMITTED), there)  # noqa: E731
        wait_until(visible, patience, f"the transactions in `{topic}` to end", every=0.2)


COMMITTED: dict[str, Any] = {"isolation_level": "read_committed"}


def _ends(ws: Connection, topic: str, options: dict[str, Any] | None = None) -> dict[int, int]:
    with closing(KafkaConsumer(**ws.kafka, **(options or {}))) as consumer:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        return {place.partition: end for place, end in consumer.end_offsets(places).items()}


def _handled(ws: Connection, ends: dict[int, int]) -> bool:
    try:
        with closing(ws.admin()) as admin:
            found = admin.list_group_offsets([GROUP])[GROUP]
    except KafkaError:  # the group's coordinator moves
        return False
    return _reached({place.partition: at.offset for place, at in found.items() if place.topic == PAYMENTS}, ends)


def _reached(offsets: dict[int, int], ends: dict[int, int]) -> bool:
    return all(offsets.get(number, 0) >= end for number, end in ends.items())


def dead_letter(ws: Connection, place: Any, patience: float = 90) -> ConsumerRecord:
    """Return the dead letter of a record, as soon as `debits` has written it.

    Args:
        place: what `producer.send(...).get()` returned: topic, partition and offset of the record.

    Raises:
        WorkshopError: there is none in time.
    """
    return wait_until(lambda: _letter_of(ws, place), patience, "the dead letter", every=0.3)


def _letter_of(ws: Connection, place: Any) -> ConsumerRecord | None:
    for record in consume.read_all(ws, LETTERS, **COMMITTED):
        origin = {name: content.decode() for name, content in record.headers}
        if (origin.get("source-partition"), origin.get("source-offset")) == (str(place.partition), str(place.offset)):
            return record
    return None


def verdicts(*runs: Day) -> None:
    """Print the reconciliation of each run."""
    for day in runs:
        print(f"{', '.join(step.word for step in day.steps)}: {day.result.sentence()}" if day.result else "no result")
