"""Observations of lesson 04: results of its experiments, and data of its pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Compaction:
    """Content of a compacted topic over time.

    Attributes:
        points: triples of seconds, records in the topic, keys among them that have a value.
    """

    points: list[tuple[float, int, int]] = field(default_factory=list)


@dataclass
class Answers:
    """The number of answers over time while the service was killed; times in seconds."""

    expected: int
    points: list[tuple[float, int]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    times: Counter = field(default_factory=Counter)
    at_kill: int | None = None
