"""Logs as files, CSV or Parquet, as they stand: columns of text with each row's line, chunk by chunk."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from workshop.errors import WorkshopError


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are read.

    Attributes:
        mandatory: without one of these the file is refused.
        optional: read where they are there; None for every other column that the file has.
        advice: what to do if one is missing.
    """

    mandatory: tuple[str, ...]
    optional: tuple[str, ...] | None
    advice: str

    def among(self, header: list[str]) -> list[str]:
        """Those of them that a file has."""
        rest = [name for name in dict.fromkeys(header) if name not in self.mandatory and name]
        return [*self.mandatory, *(name for name in rest if self.optional is None or name in self.optional)]


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
    lines: list[int]
    show: Callable[[int], str]
    refused: list[Refused]
    share: float


def chunks(path: Path, size: int, wanted: Columns) -> Iterator[Chunk]:
    """The file's rows as they stand, so many at a time.

    Raises:
        WorkshopError: the file cannot be read, or a mandatory column is missing; the columns found are named.
    """
    with _told(path), path.open("rb") as file:
        yield from (_parquet if file.read(4) == b"PAR1" else _csv)(path, size, wanted)


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex.

    Raises:
        WorkshopError: the file cannot be read, or it is packed and its end is missing.
    """
    with _told(path), path.open("rb") as file:
        _refuse_other_formats(file.peek(4096)[:4096], path)
        if _is_packed(file):  # read to its end before anything is done with its beginning
            with gzip.open(file) as unpacked:
                while unpacked.read(1 << 20):
                    pass
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parquet(path: Path, chunk: int, wanted: Columns) -> Iterator[Chunk]:
    with pq.ParquetFile(path) as file:
        _check_columns(file.schema_arrow.names, path, wanted)
        seen, batches = 0, file.iter_batches(batch_size=chunk)
        for batch in batches:
            columns = {name: _flat(batch[name]) for name in wanted.among(batch.schema.names)}
            lines = list(range(seen + 1, seen + 1 + len(batch)))
            seen += len(batch)
            yield Chunk(columns, lines, _json_of(batch), [], seen / file.metadata.num_rows)


def _flat(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _json_of(batch: pa.RecordBatch) -> Callable[[int], str]:
    return lambda i: json.dumps(batch.slice(i, 1).to_pylist()[0], default=str, ensure_ascii=False)


def _csv(path: Path, chunk: int, wanted: Columns) -> Iterator[Chunk]:
    with path.open("rb") as file, gzip.open(file) if _is_packed(file) else nullcontext(file) as unpacked:
        lines = _Lines(TextIOWrapper(unpacked, _encoding(unpacked), errors="replace", newline=""))
        header, separator = _header(lines, path, wanted)
        rows = _csv_rows(lines, separator)
        while found := list(islice(rows, chunk)):
            part = _csv_chunk(found, lines, header, wanted)
            part.share = file.tell() / path.stat().st_size
            yield part
            lines.forget()


class _Lines:
    """The lines of a file; those of the current chunk are kept, and can be taken back."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file, self._again = file, deque[str]()
        self.before = 0  # how many lines the chunks before this one had
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        while line := self._again.popleft() if self._again else next(self._file, ""):
            self.taken.append(line)
            yield line

    def take_back(self, keep: int) -> None:
        """Let all but the first `keep` lines of this chunk be read again."""
        self._again.extendleft(reversed(self.taken[keep:]))
        del self.taken[keep:]

    def forget(self) -> None:
        """Begin a new chunk."""
        self.before += len(self.taken)
        self.taken = []


def _csv_rows(lines: _Lines, separator: str) -> Iterator[tuple[int, int, list[str] | None]]:
    """Each row that is not empty: where its lines begin and end among the chunk's, and its fields, None if none can be."""
    broken = True
    while broken:
        broken, begin = False, len(lines.taken)
        try:
            for row in csv.reader(iter(lines), delimiter=separator, skipinitialspace=True, strict=True):
                if row:
                    yield begin, len(lines.taken), row
                begin = len(lines.taken)
        except csv.Error:  # one stray quotation mark must not swallow the lines below it
            lines.take_back(begin + 1)
            yield begin, begin + 1, None
            broken = True


def _csv_chunk(found: list[tuple], read: _Lines, header: list[str], wanted: Columns) -> Chunk:
    before, lines = read.before, read.taken

    def raw(span: tuple) -> str:
        return "".join(lines[span[0] : span[1]]).rstrip("\r\n")

    good = [one for one in found if one[2] and len(one[2]) == len(header)]
    refused = []
    for one in found if len(good) < len(found) else ():
        if not one[2]:
            refused.append(Refused(before + one[0] + 1, "a quotation mark has no end, or text follows it", raw(one)))
        elif len(one[2]) != len(header):
            why = f"it has {len(one[2])} fields, and the header has {len(header)}"
            refused.append(Refused(before + one[0] + 1, why, raw(one)))
    places = {name: header.index(name) for name in wanted.among(header)}
    columns = {name: pa.array([one[2][place] for one in good], pa.string()) for name, place in places.items()}
    return Chunk(columns, [before + one[0] + 1 for one in good], lambda i: raw(good[i]), refused, 0.0)


def _header(lines: _Lines, path: Path, wanted: Columns) -> tuple[list[str], str]:
    """The names of the columns, and what separates them: what gives the mandatory ones, or else the most."""
    first = next((line for line in lines if line.strip()), "")
    lines.forget()
    ways = [([name.strip() for name in next(csv.reader([first], delimiter=sign))], sign) for sign in ",;\t|" if first]
    needed = set(wanted.mandatory)
    header, separator = max(ways, key=lambda way: (len(needed & set(way[0])), len(way[0])), default=([], ","))
    _check_columns(header, path, wanted)
    return header, separator


def _check_columns(found: list[str], path: Path, wanted: Columns) -> None:
    there = ", ".join(found[:30]) or "none"
    if missing := [name for name in wanted.mandatory if name not in found]:
        raise WorkshopError(
            f"{path.name} has no column {' and no column '.join(missing)}; its columns are: {there}.", wanted.advice
        )
    if twice := [name for name in wanted.among(found) if found.count(name) > 1]:
        raise WorkshopError(f"{path.name} has the column {twice[0]} more than once.", "Leave one of them.")


class _Peekable(Protocol):
    def peek(self, size: int, /) -> bytes: ...


def _is_packed(file: _Peekable) -> bool:
    return file.peek(2)[:2] == b"\x1f\x8b"


def _encoding(file: _Peekable) -> str:
    return "utf-16" if file.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what can be wrong with a file as a whole in a sentence."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise WorkshopError(f"{path.name} is packed, and its end is missing or damaged.", "Copy it again.") from None
    except FileNotFoundError:
        raise WorkshopError(f"There is no file {path}.", "Give the path of a CSV or Parquet file.") from None
    except OSError as error:
        raise WorkshopError(f"{path} cannot be read: {error.strerror or error}.", "Give a file you may read.") from None
    except (pa.ArrowException, csv.Error) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise WorkshopError(f"{path.name} cannot be read: {said}.", "It takes CSV or Parquet.") from None


def _refuse_other_formats(head: bytes, path: Path) -> None:
    if not head:
        raise WorkshopError(f"{path.name} is empty.", "Give a file with a header and rows.")
    if head[:2] == b"PK":
        raise WorkshopError(f"{path.name} is a workbook or an archive.", "Save its sheet as CSV, and give that.")
    known = head[:4] == b"PAR1" or head[:2] in (b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff")
    if b"\0" in head and not known:
        raise WorkshopError(f"{path.name} is neither text nor Parquet.", "It takes CSV, CSV.gz or Parquet.")
