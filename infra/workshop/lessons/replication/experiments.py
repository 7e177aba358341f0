"""Lesson 03: possible losses. Brokers are really killed and frozen, and always restored at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from workshop.base.pace import paced
from workshop.base.settings import NODES
from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.kafka.ledger import Flow, reconcile
from workshop.kafka.replicas import copied, followers_of, leader_of, partitions
from workshop.lessons.replication.freezes import frozen_follower
from workshop.lessons.replication.observations import Answers, Kill, answers
from workshop.lessons.replication.pictures import draw_kill, draw_replicas, draw_squares
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live, Told
from workshop.stack.kubernetes.background_build import measures

RATE = 500  # payments per second

__all__ = [  # used by the notebook
    "draw_kill",
    "draw_replicas",
    "draw_squares",
    "followers_of",
    "frozen_follower",
    "leader_of",
]


@measures
def kill_the_leader(ws: Connection, topic: str, producer: KafkaProducer, before: float = 2, after: float = 4) -> Kill:
    """Send 500 payments per second, kill the leader of partition 0, draw the acknowledgements, restore the broker.

    Args:
        before, after: seconds of the flow before and after the kill.
    """
    leader = leader_of(ws, topic)
    flow = Flow(producer, topic, RATE)
    seen = Kill(leader, [])
    with ws.brokers.restored_afterwards():
        live = Live(lambda: draw_kill(_now(seen, flow)))  # the first drawing is slow: it loads fonts
        flow.start()
        try:
            _pass(paced(before), live)
            live.show()
            seen.killed = time.monotonic() - flow.began
            ws.brokers.kill(leader)
            # The question for the new leader can last many seconds, and must not lengthen the flow.
            flow.end_after(after)
            while time.monotonic() < flow.began + seen.killed + after:
                if seen.elected is None and leader_of(ws, topic) not in (leader, -1):
                    seen.elected = time.monotonic() - flow.began
                    live.show()
                _pass(0.1, live)
        finally:
            flow.stop()
        _now(seen, flow)
        live.finish()  # the log is compared once all replicas are back: until then, not all of it can be read
    seen.result = reconcile(ws, topic, flow.acknowledged, flow.failed)
    live.finish()
    return seen


def _now(seen: Kill, flow: Flow) -> Kill:
    seen.acknowledged = sorted(when - flow.began for when in list(flow.acknowledged.values()))
    seen.pauses = [(start - flow.began, end - flow.began) for start, end in list(flow.pauses)]
    return seen


def _pass(seconds: float, live: Live) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        live.update()
        time.sleep(0.05)


def freeze_and_kill(
    ws: Connection, topic: str, producer: KafkaProducer, before: int = 100, during: int = 100
) -> Answers:
    """Send payments, freeze both followers, send more, kill the leader, resume the followers; compare with the log.

    Args:
        before, during: number of payments before and during the freeze.
    """
    leader, followers = leader_of(ws, topic), followers_of(ws, topic)
    producer.partitions_for(topic)  # now: a client finds no broker when most of them are down
    _write_elsewhere(ws, producer)
    told = Told()
    told.say(f"{before} payments are sent and copied")
    with KafkaProducer(**ws.kafka, acks="all") as patient:  # nothing has failed yet: each is there once, on any machine
        futures = _begin(patient, topic, range(before))
        patient.flush(timeout=60)
    wait_until(lambda: copied(ws, topic) >= before, 30, "the followers to have copied", every=0.05)
    with ws.brokers.restored_afterwards():
        told.say(f"brokers {' and '.join(map(str, followers))}, which follow, freeze")
        for node in followers:
            ws.brokers.pause(node)
        time.sleep(1)  # pending fetch requests of the followers have ended: `replica.fetch.wait.max.ms` is 0.5 s
        told.say(f"{during} more are sent")
        futures |= _begin(producer, topic, range(before, before + during))
        _wait(producer)
        told.say(f"broker {leader}, which leads, is killed")
        ws.brokers.kill(leader)
        told.say("the followers go on")
        for node in followers:
            ws.brokers.resume(node)
    told.say("the log is read")
    _wait(producer)
    return compare(ws, topic, futures)


def _write_elsewhere(ws: Connection, producer: KafkaProducer) -> None:
    """Let a producer write to a topic that each broker leads a partition of.

    It is connected to all of them then; an idempotent producer also requests its id before its first record.
    """
    topic = ws.fresh_topic("elsewhere", partitions=len(NODES))

    def written() -> bool:
        try:
            for future in [producer.send(topic, value=b"", partition=number) for number in range(len(NODES))]:
                future.get(timeout=30)
        except KafkaError:  # the machine is busy, and this producer is not patient
            return False
        return True

    wait_until(written, 60, "the first records of the producer")


def _begin(producer: KafkaProducer, topic: str, numbers: Iterable[int]) -> dict[int, Any]:
    """Return payment number to its future, or to the error with which the producer refused it at once."""
    futures: dict[int, Any] = {}
    for number in numbers:
        try:
            futures[number] = producer.send(topic, value=b"%d" % number, partition=0)
        except KafkaError as error:
            futures[number] = error
    return futures


def _wait(producer: KafkaProducer) -> None:
    """Wait until each payment is acknowledged or has failed, or 15 seconds for a producer that is more patient."""
    try:
        producer.flush(timeout=15)
    except KafkaTimeoutError:
        return


def compare(ws: Connection, topic: str, futures: Any) -> Answers:
    """Return how often each payment is in the log, and what its producer reported.

    Args:
        futures: the futures of `producer.send`, in the order of the payments' numbers, or by number.
    """
    named = futures if isinstance(futures, dict) else dict(enumerate(futures))
    times = Counter(int(record.value) for record in consume.read_all(ws, topic))
    return answers(times, {number: _error(future) for number, future in named.items()})


def _error(future: Any) -> Exception | None:
    if isinstance(future, Exception):
        return future
    try:
        future.get(timeout=0.01)
    except KafkaError as error:
        return error
    return None


@contextmanager
def one_broker_dead(ws: Connection, topics: list[str]) -> Iterator[int]:
    """Kill a broker that follows in the first topic, wait until all topics do without it, and restore it afterwards.

    Yields:
        The dead broker.
    """
    victim = followers_of(ws, topics[0])[0]
    told = Told()
    with ws.brokers.restored_afterwards():
        told.say(f"broker {victim} is killed")
        ws.brokers.kill(victim)
        for topic in topics:
            wait_for_failover(ws, topic, victim)
        told.say("the leader no longer waits for it")
        yield victim


def wait_for_failover(ws: Connection, topic: str, dead: int) -> None:
    """Wait until every partition of a topic has a living leader, and the dead broker is no in-sync replica any more."""
    wait_until(partial(_noticed, ws, topic, dead), 30, "the dead broker to be noticed", every=0.1)


def _noticed(ws: Connection, topic: str, dead: int) -> bool:
    return all(
        dead not in partition["isr_nodes"] and partition["leader_id"] not in (dead, -1)
        for partition in partitions(ws, topic)
    )
