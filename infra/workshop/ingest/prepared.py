"""A user's file, ready to be published: recognised, its whole content looked at, and how it is read decided."""

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
    """A table and what its columns show.

    Attributes:
        sha: the SHA-256 of the file.
        how: how its times and amounts are read.
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
        """The beginning of the names of its rows."""
        return self.sha[:12]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how it is read, as sentences."""
        return (*self.table.notes, *self.survey.notes(self.hints))

    @property
    def reading(self) -> str:
        """How it is read where that can be said in more than one way; empty of a file that has one."""
        times, amounts = self.survey.times.reading(self.hints), self.survey.amounts.reading(self.hints)
        return ", ".join(filter(None, [self.table.reading, *times, *amounts]))

    def check(self) -> None:
        """Refuse it once, as a whole, where its columns can be read in more than one way.

        Raises:
            WorkshopError: it is so; the option that decides is named.
        """
        self.survey.times.check(self.name, self.wanted.time, self.hints)
        self.survey.amounts.check(self.name, self.wanted.amount, self.hints)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Its rows as they stand, so many at a time; the same ones at each call."""
        yield from self.table.chunks(size)


def prepare(path: Path, wanted: Columns, hints: Hints | None = None) -> Prepared:
    """Recognise a file and look at all of its times and amounts.

    Raises:
        WorkshopError: it holds no rows that can be read, or not the columns that are wanted.
    """
    path, hints = Path(path), hints or Hints()
    table = open_table(path, wanted, hints)
    survey = Survey()
    looked_at = [name for name in (wanted.time, wanted.amount) if name]
    for chunk in table.evidence(looked_at, CHUNK) if looked_at else ():
        survey.see(chunk.columns.get(wanted.time), chunk.columns.get(wanted.amount), chunk.lines)
    return Prepared(table, survey, hints, wanted, fingerprint(path), survey.conventions(hints))
