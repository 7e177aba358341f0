"""Observations of lesson 04: the data that its experiments return and its pictures show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Compaction:
    """What lies in a compacted topic over time.

    Attributes:
        points: triples of seconds, records in the topic, keys among them that have a value.
        marks: seconds and what was done then.
    """

    points: list[tuple[float, int, int]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Answers:
    """How the answers grew while the service was killed; seconds."""

    expected: int
    points: list[tuple[float, int]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    times: Counter = field(default_factory=Counter)
