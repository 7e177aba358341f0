"""A user's file of any supported format as a table: format, encoding and columns are detected."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from workshop.base.errors import WorkshopError
from workshop.domain.escaped import escaped
from workshop.ingest import encoding
from workshop.ingest.columns import Chunk, Columns
from workshop.ingest.containers import PARQUET, TEXT, WORKBOOK, Content, recognise
from workshop.ingest.delimited import DelimitedTable, look, open_text
from workshop.ingest.encoding import Encoding, Scan, marked
from workshop.ingest.hints import Hints
from workshop.ingest.json_rows import JsonTable, is_json
from workshop.ingest.parquet import ParquetTable
from workshop.ingest.sentences import told
from workshop.ingest.workbook import WorkbookTable

BLOCK = 1 << 20  # bytes


class Table(Protocol):
    """The rows of a file.

    Attributes:
        notes: messages for the user about the way in which the file is read.
        reading: the choices about the reading that are not evident from the file.
    """

    path: Path
    notes: list[str]
    reading: str

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows in chunks of `size`, with unchanged values; the same ones at each call."""

    def evidence(self, names: list[str], size: int) -> Iterator[Chunk]:
        """Yield at least these columns, of all rows."""


def open_table(path: Path, wanted: Columns, hints: Hints | None = None) -> Table:
    """Return a file as a table of its detected format; a text is examined completely.

    Raises:
        WorkshopError: the file has no readable rows, or lacks mandatory columns.
    """
    path, hints = Path(path), hints or Hints()
    content = recognise(path)
    _check(content, hints)
    if content.kind == PARQUET:
        return ParquetTable(path, wanted)
    if content.kind == WORKBOOK:
        return WorkbookTable(path, hints, wanted)
    return _text_table(content, hints, wanted)


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex.

    Raises:
        WorkshopError: the file cannot be read.
    """
    with told(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_text(path: Path) -> str:
    """Return a small text in any encoding, such as a list of names.

    Raises:
        WorkshopError: the text cannot be read, or its encoding cannot be determined.
    """
    content = recognise(path)
    if content.kind != TEXT:
        raise WorkshopError(f"{path.name} is no text.", "Give a text file with one name on each line.")
    with told(path), open_text(content, _encoding(content, "")) as (text, _):
        return text.read(10_000_000).lstrip("\ufeff")


def _check(content: Content, hints: Hints) -> None:
    """Refuse hints that do not apply to the format of the file."""
    idle = {
        "--sheet": hints.sheet and content.kind != WORKBOOK,
        "--encoding": hints.encoding and content.kind != TEXT,
        "--delimiter": hints.delimiter and content.kind != TEXT,
        "--header": hints.header and content.kind == PARQUET,
    }
    for option in (option for option, is_idle in idle.items() if is_idle):
        kind = {TEXT: "a text", WORKBOOK: "a workbook", PARQUET: "a Parquet file"}[content.kind]
        raise WorkshopError(f"{content.path.name} is {kind}: {option} does not apply to it.", f"Omit {option}.")


def _text_table(content: Content, hints: Hints, wanted: Columns) -> Table:
    _refuse_early(content, hints, wanted)
    found = _encoding(content, hints.encoding)
    with told(content.path), open_text(content, found) as (text, _):
        first = text.read(4_096)
    if is_json(first) and not hints.delimiter and not hints.header:
        table: Table = JsonTable(content, found, wanted)
    else:
        with told(content.path):
            table = DelimitedTable(content, found, hints, wanted)
    if content.member:
        table.notes.append(f"Read from {escaped(content.member)} in {content.path.name}.")
    if found.damaged:
        table.notes.append("Some lines are not UTF-8: rows with such bytes are refused.")
    elif str(found) != "utf-8":
        how = "as given" if hints.encoding else "as its content shows; --encoding NAME overrides it"
        table.notes.append(f"The text's encoding is {found}, {how}.")
    if found.name not in (encoding.UTF_8, "utf-16", "utf-32"):
        table.reading = ", ".join(filter(None, (table.reading, f"encoding {found}")))
    return table


def _refuse_early(content: Content, hints: Hints, wanted: Columns) -> None:
    """Refuse a table without the mandatory columns early, if its header is ASCII."""
    if hints.encoding or marked(content.head) or not content.head.isascii() or is_json(content.head.decode()):
        return
    ascii_only = replace(Encoding(), damaged=True)
    with told(content.path), open_text(content, ascii_only) as (text, _):
        layout = look(text, hints, wanted)
    wanted.check(layout.header, content.path, str(layout.delimiter))


def _encoding(content: Content, name: str) -> Encoding:
    """Return the encoding of a text.

    Raises:
        WorkshopError: the encoding cannot be determined, or the text is invalid in the given one.
    """
    path = content.path
    if name or marked(content.head):
        found = encoding.given(name, path.name) if name else Encoding(marked(content.head))
        with told(path), open_text(content, found) as (text, _):
            while text.read(BLOCK):
                pass
        return found
    scan = Scan(path.name)
    with told(path), content.open() as (file, _):
        while block := file.read(BLOCK):
            if b"\0" in block:
                raise WorkshopError(f"{path.name} is neither text nor Parquet.", "It has bytes that no text has.")
            scan.see(block)
    found = scan.decide()
    if found.name != encoding.UTF_8:
        with told(path), open_text(content, found) as (text, _):
            while text.read(BLOCK):
                pass
    return found
