"""Tables of delimited text, with one row per line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from workshop.ingest.columns import Chunk, Columns, Refused
from workshop.ingest.containers import Content
from workshop.ingest.delimiter import BLANKS, WIDE_BLANKS, Delimiter, Layout, layout
from workshop.ingest.encoding import UTF_8, Encoding
from workshop.ingest.hints import Hints
from workshop.ingest.lines import LONGEST, Lines
from workshop.ingest.sentences import told

STEP = 100  # rows between two checks of a chunk's size
BLOCK = 1 << 20  # bytes
SNIFFED = 50  # lines
_LIMIT = csv.field_size_limit()

# First line and end of a row among the chunk's lines, its fields, and the reason if it has none.
Row = tuple[int, int, list[str], str]


class DelimitedTable:
    """A table of delimited text."""

    def __init__(self, content: Content, encoding: Encoding, hints: Hints, wanted: Columns) -> None:
        self._content, self._encoding, self._wanted = content, encoding, wanted
        self.path = content.path
        with self._text() as (text, _):
            self._layout = look(text, hints, wanted)
        wanted.check(self._layout.header, self.path, str(self._layout.delimiter))
        self.notes: list[str] = []
        self.reading = f"separated by {self._layout.delimiter}" if hints.delimiter else ""

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows in chunks of `size`, with unchanged values; chunks of very long rows are smaller."""
        header = self._layout.header
        with told(self.path), self._text() as (text, share):
            lines = Lines(text, self.path.name)
            _skip(lines, self._layout.skipped)
            yield from self._chunks(lines, size, self._wanted.among(header), share)

    def evidence(self, names: list[str], size: int) -> Iterator[Chunk]:
        """Yield some columns of all rows; blocks without quotation marks are read in bulk."""
        sign = self._layout.delimiter.sign
        if (
            self._encoding.name != UTF_8
            or self._encoding.damaged
            or sign in (BLANKS, WIDE_BLANKS)
            or not sign.isascii()
        ):
            yield from self._evidence_by_row(names, size, 0)
            return
        with told(self.path), self._content.open() as (file, _):
            line, place = 0, 0
            while block := file.read(BLOCK):
                block += file.readline(LONGEST)
                if b'"' in block or b"\r" in block.replace(b"\r\n", b""):
                    break  # a field may continue in the next block
                skipped = 0 if place else self._layout.skipped
                found = self._in_bulk(block.split(b"\n", skipped)[-1], names)
                count = block.count(b"\n") + (not block.endswith(b"\n"))
                if len(found[names[0]]) != count - skipped:
                    break  # some lines are empty, or have more fields than the header
                yield Chunk(found, range(line + skipped + 1, line + count + 1), str)
                line, place = line + count, file.tell()
            else:
                return
        yield from self._evidence_by_row(names, size, place, line)

    def _in_bulk(self, block: bytes, names: list[str]) -> dict[str, pa.Array]:
        header = [str(i) for i in range(len(self._layout.header))]
        places = {name: str(self._layout.header.index(name)) for name in names}
        if not block.strip():
            return {name: pa.array([], pa.string()) for name in names}
        table = pa_csv.read_csv(
            BytesIO(block),
            pa_csv.ReadOptions(column_names=header, use_threads=False, block_size=len(block) + 1),
            pa_csv.ParseOptions(
                delimiter=self._layout.delimiter.sign, quote_char=False, invalid_row_handler=lambda row: "skip"
            ),
            pa_csv.ConvertOptions(
                check_utf8=False,  # the detection of the encoding has checked it
                include_columns=list(places.values()),
                column_types=dict.fromkeys(places.values(), pa.string()),
                strings_can_be_null=False,
            ),
        )
        return {name: table[place].combine_chunks() for name, place in places.items()}

    def _evidence_by_row(self, names: list[str], size: int, place: int, before: int = 0) -> Iterator[Chunk]:
        with told(self.path), self._text(place) as (text, share):
            lines = Lines(text, self.path.name)
            if place:
                lines.before = before
            else:
                _skip(lines, self._layout.skipped)
            yield from self._chunks(lines, size, names, share)

    def _chunks(self, lines: Lines, size: int, names: list[str], share: Callable[[], float]) -> Iterator[Chunk]:
        rows = _rows(lines, self._layout.delimiter)
        while found := _some(rows, lines, size):
            chunk = self._chunk(found, lines, names)
            chunk.share = share()
            yield chunk
            lines.forget()

    def _chunk(self, found: list[Row], read: Lines, names: list[str]) -> Chunk:
        before, lines, width = read.before, read.taken, len(self._layout.header)

        def raw(row: Row) -> str:
            text = "".join(lines[row[0] : row[1]]).rstrip("\r\n")
            return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if damaged else text

        damaged = self._encoding.damaged
        good = [row for row in found if row[2] and len(row[2]) == width]
        refused = []
        if len(good) < len(found):
            for row in found:
                if row[2] and len(row[2]) != width:
                    why = f"it has {len(row[2])} fields, and the header has {width}"
                    refused.append(Refused(before + row[0] + 1, why, raw(row)))
                elif not row[2]:
                    refused.append(Refused(before + row[0] + 1, row[3], raw(row)))
        if damaged:
            bad = [row for row in good if not _is_whole(row[2])]
            refused += [Refused(before + row[0] + 1, "it is not UTF-8 text", raw(row)) for row in bad]
            good = [row for row in good if _is_whole(row[2])]
        places = {name: self._layout.header.index(name) for name in names}
        columns = {name: pa.array([row[2][place] for row in good], pa.string()) for name, place in places.items()}
        return Chunk(columns, [before + row[0] + 1 for row in good], lambda i: raw(good[i]), refused)

    def _text(self, place: int = 0) -> open_text:
        return open_text(self._content, self._encoding, place)


class open_text:  # noqa: N801, a context manager
    """Context manager for a text with unchanged lines, from a position on.

    It returns the text and a function that returns the share read so far.
    """

    def __init__(self, content: Content, encoding: Encoding, place: int = 0) -> None:
        self._opened, self._encoding, self._place = content.open(), encoding, place

    def __enter__(self) -> tuple[TextIOWrapper, Callable[[], float]]:
        file, share = self._opened.__enter__()
        if self._place:
            file.seek(self._place)
        return TextIOWrapper(file, self._encoding.name, self._encoding.errors, newline=""), share

    def __exit__(self, *error: Any) -> bool | None:
        return self._opened.__exit__(*error)


def look(text: TextIOWrapper, hints: Hints, wanted: Columns) -> Layout:
    """Return the layout of a table, from its first lines."""
    first = [line for _ in range(SNIFFED) if (line := text.readline(LONGEST))]
    return layout(first, wanted.mandatory, hints.delimiter, hints.header)


def _skip(lines: Lines, count: int) -> None:
    for _ in islice(lines, count):
        pass
    lines.forget()


def _some(rows: Iterator[Row], lines: Lines, size: int) -> list[Row]:
    """Return the next `size` rows, or fewer if the chunk's text is full."""
    found: list[Row] = []
    while len(found) < size and not lines.is_full:
        part = list(islice(rows, min(STEP, size - len(found))))
        found += part
        if not part:
            break
    return found


def _rows(lines: Lines, delimiter: Delimiter) -> Iterator[Row]:
    """Yield each row that is not empty."""
    broken = True
    while broken:
        broken, begin = False, len(lines.taken)
        try:
            for row in delimiter.rows(lines):
                if row:
                    yield begin, len(lines.taken), row, ""
                begin = len(lines.taken)
        except csv.Error as error:  # a stray quotation mark must not consume the lines below it
            lines.take_back(begin + 1)
            long = "field larger" in str(error)
            yield begin, begin + 1, [], TOO_LONG if long else "a quotation mark has no end, or text follows it"
            broken = True


TOO_LONG = f"a field has more than {_LIMIT:,} characters, or a quotation mark has no end"


def _is_whole(fields: list[str]) -> bool:
    """Return whether all bytes of a row are valid in the text's encoding."""
    return not any("\udc80" <= sign <= "\udcff" for field in fields if not field.isascii() for sign in field)
