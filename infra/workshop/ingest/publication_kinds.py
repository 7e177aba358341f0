"""Interface between a publisher and a kind of file: records, chunk by chunk, and refused rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workshop.ingest.columns import Refused
from workshop.ingest.prepared import Prepared

Record = tuple[bytes, bytes, int, list[tuple[str, bytes]]]  # key, value, milliseconds since 1970 (0: now), headers


@dataclass(frozen=True)
class Part:
    """A chunk of a file: records in the file's order, refused rows, and the share read so far, 0 to 1."""

    records: Sequence[Record]
    refused: list[Refused]
    share: float


class Kind(Protocol):
    """The conversion of a file's rows to records.

    Attributes:
        refused_type: the type of a dead letter.
    """

    refused_type: str

    def prepare(self, path: Path) -> Prepared:
        """Examine the whole file before its first row is published; refuse an ambiguous file."""

    def reading(self, prepared: Prepared) -> str:
        """Return the way in which the file is read, or ''. A topic has a file in one way only."""

    def parts(self, prepared: Prepared, chunk: int) -> Iterator[Part]:
        """Yield the file's records in chunks of rows; the same ones at each call."""
