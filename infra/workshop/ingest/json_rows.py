"""JSON as rows: one object per line, or one array of objects; numbers keep their text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice

import pyarrow as pa

from workshop.base.errors import WorkshopError
from workshop.ingest.columns import TYPED, Chunk, Columns, Refused, column_name
from workshop.ingest.containers import Content
from workshop.ingest.delimited import open_text
from workshop.ingest.encoding import Encoding
from workshop.ingest.lines import LONGEST, MOST, Lines
from workshop.ingest.sentences import told

LOOKED_AT = 1_000  # the first objects, whose names are the columns
STEP = 1 << 16  # characters
_DECIMALS = re.compile(r"-?[0-9]+\.[0-9]+")
_BETWEEN = re.compile(r"[\s,]*")
_BAD = "it is no JSON object"


class Number(str):
    """A number as its text."""

    __slots__ = ()


Row = tuple[int, dict | None, str]  # line or number of the object, the object or None, the text


class JsonTable:
    """Rows in JSON."""

    def __init__(self, content: Content, encoding: Encoding, wanted: Columns) -> None:
        self._content, self._encoding, self._wanted = content, encoding, wanted
        self.path, self.reading = content.path, ""
        self.notes: list[str] = []
        with told(self.path), open_text(content, encoding) as (text, _):
            self._is_array = _begins_array(text)
        with told(self.path), open_text(content, encoding) as (text, _):
            found = [row for _, row, _ in islice(self._rows(text), LOOKED_AT) if row is not None]
        if not found:
            raise WorkshopError(
                f"{self.path.name} is JSON, and holds no rows.", "Give an object on each line, or an array of objects."
            )
        wanted.check(list(dict.fromkeys(name for row in found for name in row)), self.path)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows in chunks of `size`, with unchanged values; chunks of very long rows are smaller."""
        with told(self.path), open_text(self._content, self._encoding) as (text, share):
            rows = self._rows(text)
            while found := _some(rows, size):
                chunk = self._chunk(found)
                chunk.share = share()
                yield chunk

    def evidence(self, names: list[str], size: int) -> Iterator[Chunk]:
        """Yield all rows; the columns include the given ones."""
        yield from self.chunks(size)

    def _rows(self, text: TextIOWrapper) -> Iterator[Row]:
        if self._is_array:
            yield from _objects(text, self.path.name)
            return
        lines = Lines(text, self.path.name)
        for number, line in enumerate(lines, 1):
            lines.taken = []
            lines.before = number
            if bare := line.strip().lstrip("\ufeff"):
                yield number, _parsed(bare), bare

    def _chunk(self, found: list[Row]) -> Chunk:
        good = [(number, row, raw) for number, row, raw in found if row is not None]
        refused = [Refused(number, _BAD, raw) for number, row, raw in found if row is None]
        names = self._wanted.among(list(dict.fromkeys(name for _, row, _ in good for name in row)))
        columns = {name: pa.array([self._text(name, row, raw) for _, row, raw in good], pa.string()) for name in names}
        return Chunk(columns, [number for number, _, _ in good], lambda i: good[i][2], refused)

    def _text(self, name: str, row: dict, raw: str) -> str | None:
        value = row.get(name)
        if isinstance(value, Number):
            return value + TYPED if name == self._wanted.amount and _DECIMALS.fullmatch(value) else str(value)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        return json.dumps({column_name(key): one for key, one in json.loads(raw).items()}[name], ensure_ascii=False)


def is_json(first: str) -> bool:
    """Return whether a text with this beginning is JSON: an object, or an array of objects."""
    bare = first.lstrip("\ufeff \t\r\n")
    return bare.startswith("{") or (bare.startswith("[") and bare[1:].lstrip()[:1] in ("{", "]"))


def _begins_array(text: TextIOWrapper) -> bool:
    while piece := text.read(STEP):
        if bare := piece.lstrip("\ufeff \t\r\n"):
            return bare.startswith("[")
    return False


def _parsed(text: str) -> dict | None:
    """Return the object in a text, or None."""
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return _named(found)


def _named(found: object) -> dict | None:
    return {column_name(name): value for name, value in found.items()} if isinstance(found, dict) else None


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)


def _objects(text: TextIOWrapper, name: str) -> Iterator[Row]:
    """Yield the objects of an array, which is read in pieces.

    Raises:
        WorkshopError: the array has no end, or invalid text between two objects.
    """
    rest, number = text.read(STEP), 1
    while (place := rest.find("[") + 1) == 0:  # blanks only: `_begins_array` has seen the bracket
        rest = text.read(STEP)
    while True:
        if between := _BETWEEN.match(rest, place):  # always true: the match may be empty
            place = between.end()
        if rest.startswith("]", place):
            return
        try:
            found, end = _DECODER.raw_decode(rest, place)
        except (ValueError, RecursionError):
            end = len(rest)
        if end < len(rest):  # a value at the end of a piece may continue in the next one
            yield number, _named(found), rest[place:end]
            place, number = end, number + 1
        elif len(rest) - place > LONGEST or not (piece := text.read(STEP)):
            raise WorkshopError(f"{name} is a JSON array that is damaged at object {number:,}.", "Export it once more.")
        else:
            rest, place = rest[place:] + piece, 0


def _some(rows: Iterator[Row], size: int) -> list[Row]:
    found: list[Row] = []
    length = 0
    for row in rows:
        found.append(row)
        length += len(row[2])
        if len(found) == size or length > MOST:
            break
    return found
