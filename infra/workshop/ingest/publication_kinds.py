"""What a publisher needs of a kind of file: its records, chunk by chunk, and its refused rows."""

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
    """A chunk of a file: its records in the file's order, its other rows, and how much has been read, from 0 to 1."""

    records: Sequence[Record]
    refused: list[Refused]
    share: float


class Kind(Protocol):
    """What the rows of a file mean.

    Attributes:
        refused_type: the type of a dead letter.
    """

    refused_type: str

    def prepare(self, path: Path) -> Prepared:
        """Look at the whole file, before anything is done with its beginning; what has two meanings is refused."""

    def reading(self, prepared: Prepared) -> str:
        """How the file is read, where that can be said in more than one way; a file lies in a topic in one."""

    def parts(self, prepared: Prepared, chunk: int) -> Iterator[Part]:
        """The file's records, so many rows at a time; the same ones at each call."""
