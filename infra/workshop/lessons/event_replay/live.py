"""Lesson 04, live: a topic during compaction, and a service that is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.kafka.produce import publish
from workshop.lessons.event_replay.observations import Answers, Compaction
from workshop.lessons.event_replay.pictures import draw_answers, draw_compaction
from workshop.notebook import services, story
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live

TICK = b"tick"  # a later record closes a segment, and only closed segments are compacted
PATIENCE = 60.0  # seconds for the cleaner of the brokers


def watch_compaction(ws: Connection, topic: str, gone: bytes | None = None) -> Compaction:
    """Read a compacted topic again and again, and draw the number of records, until compaction has done its work.

    Args:
        gone: a key with a tombstone: watch until none of its records is left; without it, until each key has one record.
    """
    seen, began = Compaction(), time.monotonic()
    live = Live(lambda: draw_compaction(seen))
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        while time.monotonic() - began < PATIENCE:
            records = [record for record in consume.read_all(ws, topic) if record.key != TICK]
            keys = [record.key for record in records]
            alive = {record.key for record in records if record.value is not None}
            seen.points.append((time.monotonic() - began, len(records), len(alive)))
            live.update()
            if gone not in keys if gone else len(keys) == len(set(keys)):
                break
            producer.send(topic, key=TICK, value=b"").get(timeout=20)
            time.sleep(0.4)
    live.finish()
    return seen


def debit_through_a_kill(ws: Connection, count: int = 400) -> Answers:
    """Let `debits` answer payments, kill and restart it midway, and count the answers per payment."""
    payments, debits = ws.fresh_topic("to-debit"), ws.fresh_topic("debited")
    balances = ws.fresh_topic("balances", cleanup_policy="compact")
    service = services.debits(ws, payments, debits, balances, work_ms=10)
    publish(ws, payments, story.one_day()[:count])
    seen, began = Answers(count, [(0.0, 0)]), time.monotonic()
    live = Live(lambda: draw_answers(seen))

    def first(admin: KafkaAdminClient, least: int) -> bool:
        """Make one request and no picture: the kill must come while payments are left."""
        answered = _committed(admin, service.name)
        seen.points.append((time.monotonic() - began, answered))
        return answered >= least

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
        with closing(ws.admin()) as admin:
            wait_until(lambda: first(admin, count // 4), 90, "the first answers")
            act("killed", service.kill)
            seen.at_kill = max(seen.points[-1][1], _committed(admin, service.name))
        act("started again", service.start)
        wait_until(lambda: look(count), 120, "the last answers", every=0.1)
    finally:
        service.stop()
    live.finish()
    return seen


def _committed(admin: KafkaAdminClient, group: str) -> int:
    """Return how many records a group has committed; 0 while its coordinator does not answer."""
    try:
        found = admin.list_group_offsets([group]).get(group, {})
    except KafkaError:
        return 0
    return sum(max(0, one.offset) for one in found.values())
