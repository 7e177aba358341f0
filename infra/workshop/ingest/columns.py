"""Columns of a file with unchanged values: the selection, chunks of rows, and refused rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from workshop.base.errors import WorkshopError
from workshop.domain.escaped import escaped, listed

# Suffix of an amount that is a number in its file, not text: its point is a decimal sign, and proves nothing about texts.
TYPED = "e0"


@dataclass(frozen=True)
class Columns:
    """The columns of a file that are read.

    Attributes:
        mandatory: the columns without which a file is refused.
        optional: the columns that are read if the file has them; None for all other columns.
        advice: the next step if a column is missing.
        time, amount: the columns with times and amounts; empty if there is no such column.
    """

    mandatory: tuple[str, ...]
    optional: tuple[str, ...] | None
    advice: str
    time: str = ""
    amount: str = ""

    def among(self, header: list[str]) -> list[str]:
        """Return the columns to read from a file with this header."""
        rest = [name for name in dict.fromkeys(header) if name not in self.mandatory and name]
        return [*self.mandatory, *(name for name in rest if self.optional is None or name in self.optional)]

    def check(self, found: list[str], path: Path, separated: str = "") -> None:
        """Check the columns that were found in a file.

        Args:
            separated: the delimiter, in words.

        Raises:
            WorkshopError: a mandatory column is missing, or a column occurs twice.
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
    """Return a column's name without surrounding blanks, in Unicode's normal form NFC."""
    return unicodedata.normalize("NFC", text.lstrip("\ufeff").strip())


@dataclass(frozen=True)
class Refused:
    """A refused row: its line in the file (its number from 1 in Parquet), the reason, and its text."""

    line: int
    reason: str
    raw: str


@dataclass
class Chunk:
    """A chunk of a file.

    Attributes:
        columns: the unchanged values, by column name.
        lines: the line of each row.
        show: returns the text of a row, by its position.
        refused: the rows that were refused while reading.
        share: the share of the file that has been read, 0 to 1.
    """

    columns: dict[str, pa.Array]
    lines: Sequence[int]
    show: Callable[[int], str]
    refused: list[Refused] = field(default_factory=list)
    share: float = 0.0
