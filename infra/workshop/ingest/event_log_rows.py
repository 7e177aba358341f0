"""Reading of an event log of any field into events; invalid rows are refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from workshop.domain.escaped import escaped
from workshop.domain.event_logs.events import EPOCH, LoggedEvent
from workshop.ingest.columns import Chunk, Columns, Refused, column_name
from workshop.ingest.hints import Hints
from workshop.ingest.prepared import Prepared, prepare
from workshop.ingest.values import Conventions, damaged, names, times

CHUNK = 30_000  # rows
LONGEST = 1_000  # characters of a case's or an activity's name
MOST_CHARACTERS = 900_000  # of all fields of a row together: brokers accept records of up to a megabyte


@dataclass(frozen=True)
class Reading:
    """The columns of a log, and the rules for its rows.

    Attributes:
        case, time: the columns of the case and of the time.
        activity: the column of the activity; empty if all rows have the activity `event`.
        event: the activity of all rows, if no column has it.
        empty_case: the name for an empty case; empty to refuse rows without a case.
        known: the accepted activities; empty to accept all.
    """

    case: str
    time: str
    activity: str = ""
    event: str = ""
    empty_case: str = "NA"
    known: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Normalize the columns' names like the names in a file."""
        for name in ("case", "time", "activity"):
            object.__setattr__(self, name, column_name(getattr(self, name)))

    def columns(self) -> Columns:
        """Return the mandatory columns; all other columns are read too."""
        needed = tuple(dict.fromkeys(name for name in (self.case, self.activity, self.time) if name))
        return Columns(needed, None, "Name the columns: --case, --activity and --time.", time=self.time)

    def __str__(self) -> str:
        what = f"activity {self.activity}" if self.activity else f"every row a {self.event}"
        known = f", known activities: {', '.join(sorted(self.known))}" if self.known else ""
        return f"case {self.case}, {what}, time {self.time}, an empty case is '{self.empty_case}'{known}"


@dataclass(frozen=True)
class Events:
    """A chunk of a file, in the file's order: events, refused rows, number of empty cases, share read."""

    events: list[LoggedEvent]
    refused: list[Refused]
    unnamed: int
    share: float


def read(path: Path, reading: Reading, chunk: int = CHUNK, hints: Hints | None = None) -> Iterator[Events]:
    """Read a log chunk by chunk; invalid and ambiguous rows are refused one by one.

    Args:
        chunk: the number of rows, accepted or refused, in each chunk except the last.

    Raises:
        WorkshopError: the file cannot be read, or a column is missing; the message has the columns found.
    """
    yield from events(prepare(path, reading.columns(), hints), reading, chunk)


def events(prepared: Prepared, reading: Reading, chunk: int = CHUNK) -> Iterator[Events]:
    """Read a prepared log chunk by chunk; each call yields the same events."""
    for part in prepared.chunks(chunk):
        yield _take(part, reading, prepared.prefix, prepared.how)


def _take(part: Chunk, reading: Reading, prefix: str, how: Conventions) -> Events:
    size = len(part.lines)
    given = names(part.columns[reading.case])
    cases = [case or reading.empty_case for case in given]
    activities = names(part.columns[reading.activity]) if reading.activity else [reading.event] * size
    at, against = times(part.columns[reading.time], how)
    against = damaged(part.columns) | against
    others = [name for name in part.columns if name not in reading.columns().mandatory]
    texts = {name: names(part.columns[name]) for name in others}
    for i in range(size):
        if reason := _against(cases[i], activities[i], [texts[name][i] for name in others], reading.known):
            against.setdefault(i, reason)
    kept = [i for i in range(size) if i not in against]
    events = [
        LoggedEvent(
            cases[i],
            activities[i],
            EPOCH + timedelta(milliseconds=int(at[i])),
            f"{prefix}-{part.lines[i]}",
            {name: texts[name][i] for name in others if texts[name][i]},
        )
        for i in kept
    ]
    refused = part.refused + [Refused(part.lines[i], reason, part.show(i)) for i, reason in against.items()]
    unnamed = sum(not given[i] for i in kept)
    return Events(events, sorted(refused, key=lambda row: row.line), unnamed, part.share)


def _against(case: str, activity: str, others: list[str], known: frozenset[str]) -> str:
    """Return the reason to refuse a row because of its names; empty if they are valid."""
    if not activity:
        return "there is no activity"
    if not case:
        return "there is no case"
    if max(len(case), len(activity)) > LONGEST:
        return f"the name of its case or of its activity has more than {LONGEST:,} characters"
    if sum(map(len, others)) > MOST_CHARACTERS:
        return f"its fields have more than {MOST_CHARACTERS:,} characters"
    if known and activity not in known:
        return f"the activity '{escaped(activity)}' is not among the {len(known)} known ones"
    return ""
