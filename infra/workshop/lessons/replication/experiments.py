"""Lesson 03: possible losses. Brokers are really killed and frozen, and always restored at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from workshop.base.pace import paced
from workshop.base.waiting import wait_until
from workshop.kafka.ledger import IMPATIENT, Flow, Reconciled, reconcile
from workshop.kafka.replicas import copied, followers_of, leader_of, partitions
from workshop.lessons.replication.observations import Kill
from workshop.lessons.replication.pictures import draw_kill, draw_replicas, draw_squares
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live, Told
from workshop.stack.kubernetes.background_build import measures

RATE = 500  # payments per second
FREEZE = 1.8  # seconds: a frozen broker counts as in sync for the first of them (broker.session.timeout.ms)
HASTE = 600  # milliseconds until a producer retries: less than that second

__all__ = ["draw_kill", "draw_replicas", "draw_squares", "followers_of", "leader_of"]  # used by the notebook


@measures
def kill_the_leader(ws: Connection, acks: object = "all", before: float = 2, after: float = 4) -> Kill:
    """Kill the leader of partition 0 while payments flow, draw the acknowledgements, restore the broker."""
    topic = ws.fresh_topic("under-fire")
    leader = leader_of(ws, topic)
    idempotence = {} if acks == "all" else {"enable_idempotence": False}
    # A dead broker's connections break at once; a shorter timeout would only repeat requests that wait for live brokers.
    flow = Flow(ws, topic, RATE, acks=acks, request_timeout_ms=5_000, **idempotence)
    seen = Kill(acks, leader, [])
    with ws.brokers.restored_afterwards():
        flow.start()
        try:
            live = Live(lambda: draw_kill(_now(seen, flow)))
            _pass(paced(before), live)
            seen.killed = time.monotonic() - flow.began
            ws.brokers.kill(leader)
            while time.monotonic() < flow.began + seen.killed + after:
                if seen.elected is None and leader_of(ws, topic) not in (leader, -1):
                    seen.elected = time.monotonic() - flow.began
                _pass(0.1, live)
        finally:
            flow.stop()
    seen.result = reconcile(ws, topic, flow.acknowledged, flow.failed)
    _now(seen, flow)
    live.finish()
    return seen


def _now(seen: Kill, flow: Flow) -> Kill:
    seen.acknowledged = sorted(when - flow.began for when in list(flow.acknowledged.values()))
    return seen


def _pass(seconds: float, live: Live) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        live.update()
        time.sleep(0.05)


class Numbers:
    """A producer that sends numbered payments to partition 0 and keeps a ledger.

    Create it while the brokers are available: a new client finds no broker when most of them are down.
    """

    def __init__(self, ws: Connection, topic: str, patience: float = 3, **options: object) -> None:
        """Args: patience: seconds after which a payment counts as failed; options: for `KafkaProducer`."""
        self.acknowledged: set[int] = set()
        self.failed: set[int] = set()
        self._topic, self._patience = topic, patience
        limits = {**IMPATIENT, "delivery_timeout_ms": round(patience * 1000)}
        self._producer = KafkaProducer(**ws.kafka, **{**limits, **options})
        self._producer.partitions_for(topic)

    def send(self, numbers: range) -> None:
        """Send, and wait until each payment is acknowledged, has failed, or exceeds the time limit."""
        futures = {number: self._begin(number) for number in numbers}
        deadline = time.monotonic() + self._patience + 3
        for number, future in futures.items():
            (self.acknowledged if _is_acknowledged(future, deadline) else self.failed).add(number)

    def _begin(self, number: int) -> Any:
        """Return the future of a payment; None if the producer refused it at once."""
        try:
            return self._producer.send(self._topic, value=b"%d" % number, partition=0)
        except KafkaError:
            return None

    def close(self) -> None:
        """Close the producer; the brokers are restored by then, so pending payments are decided soon."""
        self._producer.close(timeout=60)


def _is_acknowledged(future: Any, deadline: float) -> bool:
    try:
        return future is not None and bool(future.get(timeout=max(0.01, deadline - time.monotonic())))
    except KafkaError:
        return False


def freeze_and_kill(ws: Connection, acks: object, before: int = 100, during: int = 100, **topic: Any) -> Reconciled:
    """Send payments, freeze both followers, send more, kill the leader, resume the followers; reconcile.

    Args:
        topic: for `ws.fresh_topic`, such as `copies`.
    """
    name = ws.fresh_topic("two-frozen", partitions=1, **topic)
    leader, followers = leader_of(ws, name), followers_of(ws, name)
    told = Told()
    with closing(Numbers(ws, name, acks=acks, enable_idempotence=acks == "all")) as numbers:
        told.say(f"{before} sent and copied")
        numbers.send(range(before))
        wait_until(lambda: copied(ws, name) >= before, 30, "the followers to have copied", every=0.05)
        with ws.brokers.restored_afterwards():
            told.say("both followers freeze")
            for node in followers:
                ws.brokers.pause(node)
            time.sleep(1)  # pending fetch requests of the followers have ended: `replica.fetch.wait.max.ms` is 0.5 s
            told.say(f"{during} more are sent")
            numbers.send(range(before, before + during))
            told.say(f"broker {leader}, which leads, is killed")
            ws.brokers.kill(leader)
            told.say("the followers go on")
            for node in followers:
                ws.brokers.resume(node)
            told.say("all is mended")
    told.say("the log is counted")
    return reconcile(ws, name, numbers.acknowledged, numbers.failed)


@contextmanager
def frozen_follower(ws: Connection, topic: str, seconds: float = FREEZE) -> Iterator[None]:
    """Freeze a follower of partition 0, and resume it after the given seconds in any case."""
    node = followers_of(ws, topic)[0]
    thaw = threading.Timer(seconds, ws.brokers.resume, [node])
    ws.brokers.pause(node)
    thaw.start()
    try:
        yield
    finally:
        thaw.join()


def send_through_a_freeze(ws: Connection, *, idempotent: bool) -> Reconciled:
    """Send 200 payments with acks=all while a follower is frozen for longer than the request timeout."""
    topic = ws.fresh_topic("one-frozen", partitions=1)
    # linger_ms collects all payments in one batch, which succeeds or fails as a whole.
    options = {"acks": "all", "enable_idempotence": idempotent, "request_timeout_ms": HASTE, "linger_ms": 50}
    with closing(Numbers(ws, topic, patience=20, **options)) as numbers, frozen_follower(ws, topic):
        numbers.send(range(200))
    return reconcile(ws, topic, numbers.acknowledged, numbers.failed)


def write_with_one_dead(ws: Connection, wanted: tuple[int, ...] = (3, 2)) -> dict[str, tuple[str, int]]:
    """Kill one broker, then write to topics with different min.insync.replicas, and read them.

    Returns:
        For each setting: the answer to the producer, and how many of ten earlier payments can still be read.
    """
    topics = {n: ws.fresh_topic(f"wants-{n}", partitions=1, min_insync_replicas=str(n)) for n in wanted}
    victim = followers_of(ws, topics[wanted[0]])[0]
    options = {**IMPATIENT, "delivery_timeout_ms": 3_000, "acks": "all", "retries": 0}
    found = {}
    with closing(KafkaProducer(**ws.kafka, **options)) as producer, ws.brokers.restored_afterwards():
        for topic in topics.values():
            for number in range(10):
                producer.send(topic, value=b"%d" % number).get(timeout=20)
        ws.brokers.kill(victim)
        for number, topic in topics.items():
            wait_until(partial(_noticed, ws, topic, victim), 30, "the dead broker to be noticed", every=0.1)
            told = _told(producer, topic)
            readable = sum(1 for n in reconcile(ws, topic, ()).times if n < 10)
            found[f"wants {number} in sync, has 2"] = (told, readable)
    return found


def _noticed(ws: Connection, topic: str, victim: int) -> bool:
    partition = partitions(ws, topic)[0]
    return victim not in partition["isr_nodes"] and partition["leader_id"] not in (victim, -1)


def _told(producer: KafkaProducer, topic: str) -> str:
    """Return the result of one more payment for the producer."""
    try:
        producer.send(topic, value=b"10").get(timeout=20)
        return "acknowledged"
    except KafkaError as error:
        return type(error).__name__
