"""Columns of a file as they stand: which ones are read, a chunk of their rows, and rows that were refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from workshop.base.errors import WorkshopError
from workshop.domain.escaped import escaped, listed

# Behind an amount that its file holds as a number, not as text: its point is a decimal sign, and shows nothing about texts.
TYPED = "e0"


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are read.

    Attributes:
        mandatory: without one of these the file is refused.
        optional: read where they are there; None for every other column that the file has.
        advice: what to do if one is missing.
        time, amount: those of them that hold times and amounts; empty if there is none.
    """

    mandatory: tuple[str, ...]
    optional: tuple[str, ...] | None
    advice: str
    time: str = ""
    amount: str = ""

    def among(self, header: list[str]) -> list[str]:
        """Those of them that a file has."""
        rest = [name for name in dict.fromkeys(header) if name not in self.mandatory and name]
        return [*self.mandatory, *(name for name in rest if self.optional is None or name in self.optional)]

    def check(self, found: list[str], path: Path, separated: str = "") -> None:
        """Compare them with a file's columns.

        Args:
            separated: by what the columns are separated, in words.

        Raises:
            WorkshopError: a mandatory one is missing, or one is there twice; the columns found are named.
        """
        if missing := [escaped(name) for name in self.mandatory if name not in found]:
            by = f" (separated by {separated})" if separated else ""
            raise WorkshopError(
                f"{path.name} has no column {' and no column '.join(missing)}; its columns are: {listed(found)}{by}.",
                self.advice + (" If another sign separates its columns: --delimiter SIGN." if separated else ""),
            )
        if twice := [name for name in self.among(found) if found.count(name) > 1]:
            raise WorkshopError(f"{path.name} has the column {escaped(twice[0])} more than once.", "Leave one of them.")


def column_name(text: str) -> str:
    """A column's name without blanks around it, accents written in one way."""
    return unicodedata.normalize("NFC", text.lstrip("\ufeff").strip())


@dataclass(frozen=True)
class Refused:
    """A row that was not taken: its line in the file (in Parquet, its number, from 1), why, and how it stands there."""

    line: int
    reason: str
    raw: str


@dataclass
class Chunk:
    """Columns as they stand in the file, each row's line, how to show a row, and what was refused already."""

    columns: dict[str, pa.Array]
    lines: Sequence[int]
    show: Callable[[int], str]
    refused: list[Refused] = field(default_factory=list)
    share: float = 0.0
