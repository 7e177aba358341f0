"""Experiments of lesson 08 with consumers: a lag that replicas of `debits` reduce, by hand and by a function of the lag."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from workshop.base.pace import paced
from workshop.base.waiting import wait_until
from workshop.kafka.produce import publish
from workshop.lessons.scaling_under_load import delivery
from workshop.lessons.scaling_under_load.pictures import draw_lag, draw_scaler
from workshop.notebook import deployments, pods, story
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live
from workshop.notebook.pictures import Picture
from workshop.stack.kubernetes import deploy

READER = "debits"
WORK_MS = 50  # duration of a debit in these experiments: 20 per second and replica


class Backlog:
    """Payments that wait for `debits`, whose lag is drawn while replicas reduce it.

    Attributes:
        rows: at (seconds), lag, replicas.
    """

    def __init__(self, ws: Connection, lag: Lag, draw: Callable[[pd.DataFrame], Picture] = draw_lag) -> None:
        self._ws, self._api, self._lag = ws, pods.core(ws), lag
        self.rows: list[dict] = []
        self._live = Live(lambda: draw(pd.DataFrame(self.rows)))
        self._began = time.monotonic()

    def watch(self, seconds: float = 8) -> None:
        """Wait until the declared replicas are ready, then note and draw the lag for this time."""
        count = delivery.settled(self._ws, self._api, READER)
        until = time.monotonic() + paced(seconds, 5.0)
        while time.monotonic() < until:
            self.note(self._lag.read(), count)
            time.sleep(0.3)
        self.finish()

    def note(self, waiting: int, replicas: int) -> None:
        """Add an observation, and draw it."""
        self.rows.append({"at": time.monotonic() - self._began, "lag": waiting, "replicas": replicas})
        self._live.update()

    def finish(self) -> None:
        """Draw the observations so far, in the quality of a still."""
        self._live.finish()

    @property
    def table(self) -> pd.DataFrame:
        """The observations as a table."""
        return pd.DataFrame(self.rows)


@contextmanager
def backlog(ws: Connection, count: int = 3_000) -> Iterator[Backlog]:
    """Make debits slow and let payments wait, during the block; then restore `debits`.

    Args:
        count: payments, in a class.
    """
    with slow_debits(ws), Lag(ws) as lag:
        fill(ws, round(paced(count, 2_000)))
        yield Backlog(ws, lag)


@contextmanager
def slow_debits(ws: Connection) -> Iterator[None]:
    """Make a debit take `WORK_MS` during the block: 20 per second and replica."""
    try:
        deployments.change(ws, {"env": [{"name": "WORK_MS", "value": str(WORK_MS)}]}, READER)
        yield
    finally:
        deploy.as_delivered(ws.settings, (READER,))


def fill(ws: Connection, count: int) -> None:
    """Publish payments of half a year ago to the story's topic, for `debits` to read."""
    days = (f"2018-06-{day:02d}" for day in range(13, 30))
    events = [event for day in days for event in story.one_day(day)]
    fresh = [type(event)(event.card, event.terminal, event.amount_cents, event.at) for event in events[:count]]
    publish(ws, "payments", fresh)


class Lag:
    """Reader of a group's lag over all partitions of a topic; use it in a `with` block."""

    def __init__(self, ws: Connection, group: str = READER, topic: str = "payments") -> None:
        self._group, self._topic = group, topic
        self._admin, self._consumer = ws.admin(), KafkaConsumer(**ws.kafka)

    def __enter__(self) -> Lag:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()
        self._consumer.close()

    def read(self) -> int:
        """Return the number of records that wait."""
        said = f"the brokers to say where the group {self._group} stands"
        return wait_until(self._tried, 30, said, every=0.3)[0]

    def _tried(self) -> tuple[int] | None:
        try:
            return (self._now(),)
        except KafkaError as error:
            if not error.retriable:
                raise
            return None  # the group's coordinator moves to another broker

    def _now(self) -> int:
        offsets = self._admin.list_group_offsets([self._group])[self._group]
        read = {place: at.offset for place, at in offsets.items() if place.topic == self._topic}
        places = [TopicPartition(self._topic, number) for number in self._consumer.partitions_for_topic(self._topic)]
        return sum(end - max(0, read.get(place, 0)) for place, end in self._consumer.end_offsets(places).items())


def lag_scaler(ws: Connection, desired: Callable[[int], int], count: int = 600, patience: float = 30) -> pd.DataFrame:
    """Run a small autoscaler: every two seconds, read the lag, call `desired`, and set the replicas.

    It ends when the lag is 0 and the replicas have been reduced, or when the lag has not decreased for `patience` seconds.

    Returns:
        at (seconds), lag, replicas.
    """
    with slow_debits(ws), Lag(ws) as lag:
        delivery.set_replicas(ws, pods.core(ws), 1, READER)
        fill(ws, count)
        seen = Backlog(ws, lag, draw_scaler)
        replicas, least, since = 1, math.inf, time.monotonic()
        while time.monotonic() < since + patience:
            waiting = lag.read()
            if waiting < least:
                least, since = waiting, time.monotonic()
            if (wanted := int(desired(waiting))) != replicas:
                deployments.scale(ws, wanted, READER)
                replicas = wanted
            seen.note(waiting, replicas)
            if not waiting and replicas <= 1:
                break
            time.sleep(2)
        seen.finish()
    return seen.table
