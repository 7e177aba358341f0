"""A user's file that is ready to be published: its format, its evidence and its conventions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop.ingest.columns import Chunk, Columns
from workshop.ingest.hints import Hints
from workshop.ingest.survey import Survey
from workshop.ingest.tabular import Table, fingerprint, open_table
from workshop.ingest.values import Conventions

CHUNK = 30_000  # rows


@dataclass(frozen=True)
class Prepared:
    """A table, and the evidence of its columns.

    Attributes:
        sha: the SHA-256 of the file.
        how: the conventions for its times and amounts.
    """

    table: Table
    survey: Survey
    hints: Hints
    wanted: Columns
    sha: str
    how: Conventions

    @property
    def name(self) -> str:
        """The file's name."""
        return self.table.path.name

    @property
    def prefix(self) -> str:
        """The prefix of the ids of its rows."""
        return self.sha[:12]

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages for the user about the way in which the file is read."""
        return (*self.table.notes, *self.survey.notes(self.hints))

    @property
    def reading(self) -> str:
        """The way in which the file is read; empty if there is only one."""
        times, amounts = self.survey.times.reading(self.hints), self.survey.amounts.reading(self.hints)
        return ", ".join(filter(None, [self.table.reading, *times, *amounts]))

    def check(self) -> None:
        """Refuse the whole file if its columns are ambiguous.

        Raises:
            WorkshopError: a column is ambiguous; the message has the option that decides.
        """
        self.survey.times.check(self.name, self.wanted.time, self.hints)
        self.survey.amounts.check(self.name, self.wanted.amount, self.hints)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows in chunks of `size`, with unchanged values; the same ones at each call."""
        yield from self.table.chunks(size)


def prepare(path: Path, wanted: Columns, hints: Hints | None = None) -> Prepared:
    """Detect the format of a file and examine all of its times and amounts.

    Raises:
        WorkshopError: the file has no readable rows, or lacks mandatory columns.
    """
    path, hints = Path(path), hints or Hints()
    table = open_table(path, wanted, hints)
    survey = Survey()
    looked_at = [name for name in (wanted.time, wanted.amount) if name]
    for chunk in table.evidence(looked_at, CHUNK) if looked_at else ():
        survey.see(chunk.columns.get(wanted.time), chunk.columns.get(wanted.amount), chunk.lines)
    return Prepared(table, survey, hints, wanted, fingerprint(path), survey.conventions(hints))
