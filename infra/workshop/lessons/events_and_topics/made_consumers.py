"""The groups for which this process made consumers: a consumer that commits nothing leaves no trace in Kafka."""

from __future__ import annotations

import functools

from kafka import KafkaConsumer

_groups: set[str] = set()
_make = KafkaConsumer.__init__


def note() -> None:
    """Note the groups of all consumers from now on. Calling it again has no effect."""
    if not hasattr(KafkaConsumer.__init__, "notes_groups"):
        KafkaConsumer.__init__ = _noting  # type: ignore[method-assign, assignment]


@functools.wraps(_make)
def _noting(consumer: KafkaConsumer, *topics: str, **configs: object) -> None:
    _make(consumer, *topics, **configs)
    if isinstance(group := configs.get("group_id"), str):
        _groups.add(group)


_noting.notes_groups = True  # type: ignore[attr-defined]


def groups() -> frozenset[str]:
    """Return the groups that were noted."""
    return frozenset(_groups)
