"""What the cells of lesson 11 call: applications and instances with fresh groups, totals of topics, and the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd

from workshop.base.waiting import wait_until
from workshop.domain.fraud import rules
from workshop.kafka import admin
from workshop.kafka.consume import read_all
from workshop.kafka.handle import Kafka
from workshop.lessons.stream_processing import applications
from workshop.lessons.stream_processing.completion import CHANGELOG
from workshop.lessons.stream_processing.instances import PATIENCE, Instance, wait_until_read
from workshop.lessons.stream_processing.live import live_picture, note
from workshop.lessons.stream_processing.payments import LATEST, delayed, limits, send, send_events, week
from workshop.lessons.stream_processing.pictures import closed, comparison, lateness
from workshop.lessons.stream_processing.unseen import trains

if TYPE_CHECKING:
    from quixstreams import Application

__all__ = [
    "LATEST",
    "Instance",
    "application",
    "changelogs",
    "closed",
    "comparison",
    "count",
    "delayed",
    "instance",
    "lateness",
    "limits",
    "live_picture",
    "minutes_late",
    "new_group",
    "send",
    "send_events",
    "tables",
    "tidy",
    "totals",
    "trains",
    "wait_for_members",
    "wait_until_read",
    "week",
]
LARGE_CENTS = round(rules.LARGE * 100)
_groups: list[str] = []


def application(ws: Kafka, name: str, *topics: str, **options: Any) -> Application:
    """Return an application of Quix Streams for this stack; its `run` ends when it has read these topics.

    Args:
        name: the beginning of the consumer group's name; each call makes a new group.
        topics: the topics that it reads.
        options: more settings of `quixstreams.Application`.
    """
    return applications.application(ws, new_group(ws, name), *topics, **options)


def new_group(ws: Kafka, name: str) -> str:
    """Return the name of a new consumer group, whose changelog topics `tidy` deletes."""
    group = ws.fresh_name(name)
    _groups.append(group)
    return group


def instance(ws: Kafka, group: str, build: Callable, *arguments: object, **options: Any) -> Instance:
    """Start an instance of a job as a process: `with lesson.instance(…) as one:` stops it at the end."""
    return Instance(ws, group, build, *arguments, **options)


def totals(ws: Kafka, topic: str, **options: Any) -> dict[tuple[str, int], int]:
    """Return the last value of each window in a topic, by key and start; `options` are of `KafkaConsumer`."""
    found: dict[tuple[str, int], int] = {}
    note(found, read_all(ws, topic, **options))
    return found


def count(ws: Kafka, topic: str, **options: Any) -> int:
    """Return the number of records of a topic; `options` are of `KafkaConsumer`."""
    return len(read_all(ws, topic, **options))


def minutes_late(rows: pd.DataFrame) -> list[float]:
    """Return by how many minutes the late rows arrive late. Pure."""
    late = (rows["arrival"] - rows["at"]).dt.total_seconds() / 60
    return late[late > 0].tolist()


def changelogs(ws: Kafka, group: str) -> list[str]:
    """Return the changelog topics of a group."""
    with closing(ws.admin()) as client:
        return sorted(name for name in client.list_topics() if name.startswith(f"{CHANGELOG}{group}--"))


def wait_for_members(instances: Iterable[Instance], topic: str) -> list[list[int]]:
    """Wait until each of these instances of a group has partitions of a topic; return the partitions of each."""
    every = list(instances)
    ws, group = every[0].ws, every[0].group

    def settled() -> list[list[int]] | None:
        for one in every:
            one.check()
        found = [sorted(numbers) for numbers in partitions_of_members(client.describe_groups([group])[group], topic)]
        return sorted(found) if len(found) == len(every) and all(found) else None

    with closing(ws.admin()) as client:
        return wait_until(settled, PATIENCE, f"{len(every)} members of the group {group}", every=0.2)


def partitions_of_members(group: Mapping, topic: str) -> list[list[int]]:
    """Return the partitions of a topic that each member of a described group has; empty during a rebalance. Pure."""
    if group["group_state"] != "Stable":
        return []
    return [
        [
            number
            for one in (member["member_assignment"] or {}).get("assigned_partitions", [])
            if one["topic"] == topic
            for number in one["partitions"]
        ]
        for member in group["members"]
    ]


def tables(rows: Iterable[dict]) -> pd.DataFrame:
    """Return windows or events as a table, without the fields that begin with an underscore, except the key."""
    every = [{"key": row.get("_key"), **{k: v for k, v in row.items() if not k.startswith("_")}} for row in rows]
    table = pd.DataFrame(every)
    for column in {"start", "end"} & set(table.columns):
        table[column] = pd.to_datetime(table[column], unit="ms")
    return table


def tidy(ws: Kafka) -> str:
    """Delete the topics of this lesson and the changelog topics of its groups; return a message."""
    groups = [f"{CHANGELOG}{group}--" for group in _groups]
    gone = admin.delete_topics(ws.kafka, lambda name: name.startswith(tuple(groups))) if groups else []
    _groups.clear()
    return f"{ws.tidy()}, and {len(gone)} changelog topics"
