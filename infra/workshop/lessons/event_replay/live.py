"""Lesson 04, live: a topic during compaction, and a service that is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from kafka import KafkaProducer

from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.kafka.produce import publish
from workshop.lessons.event_replay.observations import Answers, Compaction
from workshop.lessons.event_replay.pictures import draw_answers, draw_compaction
from workshop.notebook import services, story
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live

COMPACTED: dict[str, Any] = {  # compaction within seconds; with the defaults it takes hours
    "cleanup_policy": "compact",
    "segment_ms": "1000",
    "min_cleanable_dirty_ratio": "0.01",
    "delete_retention_ms": "1000",
}
TICK = b"tick"  # a later record closes a segment, and only closed segments are compacted


def watch_compaction(ws: Connection, cards: int = 5, updates: int = 40) -> Compaction:
    """Write many balances of few cards, draw the compaction, then delete a card by a tombstone."""
    topic = ws.fresh_topic("balances", partitions=1, **COMPACTED)
    seen = Compaction()
    began = time.monotonic()
    live = Live(lambda: draw_compaction(seen))
    names = [b"card-%04d" % number for number in range(cards)]
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        for number in range(updates):
            for name in names:
                producer.send(topic, key=name, value=b"%d" % (number * 100))
        producer.flush()
        seen.marks.append((0.0, f"{updates * cards} balances written"))
        _look_until(ws, topic, seen, began, live, producer, lambda held: len(held) == len(set(held)) <= cards + 1)
        producer.send(topic, key=names[0]).get(timeout=20)  # no value: a tombstone
        seen.marks.append((time.monotonic() - began, f"{names[0].decode()} deleted"))
        _look_until(ws, topic, seen, began, live, producer, lambda held: names[0] not in held)
    live.finish()
    return seen


def _look_until(
    ws: Connection,
    topic: str,
    seen: Compaction,
    began: float,
    live: Live,
    producer: KafkaProducer,
    done: Callable[[list], bool],
) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        producer.send(topic, key=TICK, value=b"").get(timeout=20)
        records = [r for r in consume.read_all(ws, topic) if r.key != TICK]
        alive = {r.key for r in records if r.value is not None}
        seen.points.append((time.monotonic() - began, len(records), len(alive)))
        live.update()
        if done([r.key for r in records]):
            return
        time.sleep(0.4)


def debit_through_a_kill(ws: Connection, count: int = 400) -> Answers:
    """Let `debits` answer payments, kill and restart it midway, and count the answers per payment."""
    payments, debits = ws.fresh_topic("to-debit"), ws.fresh_topic("debited")
    balances = ws.fresh_topic("balances", cleanup_policy="compact")
    service = services.debits(ws, payments, debits, balances, work_ms=4)
    publish(ws, payments, story.one_day()[:count])
    seen, began = Answers(count), time.monotonic()
    live = Live(lambda: draw_answers(seen))

    def look(least: int) -> bool:
        seen.times = services.answered(ws, debits)
        seen.points.append((time.monotonic() - began, len(seen.times)))
        live.update()
        return len(seen.times) >= least

    def act(word: str, work: Callable[[], None]) -> None:
        seen.marks.append((time.monotonic() - began, word))
        work()

    try:
        act("started", service.start)
        wait_until(lambda: look(count // 4), 90, "the first answers", every=0.1)
        act("killed", service.kill)
        act("started again", service.start)
        wait_until(lambda: look(count), 120, "the last answers", every=0.1)
    finally:
        service.stop()
    live.finish()
    return seen
