"""Sheet of a workbook (.xlsx) as rows of text: numbers as displayed, dates as 2018-04-25 13:00:00."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from workshop.base.errors import WorkshopError
from workshop.domain.escaped import escaped, listed
from workshop.ingest.columns import TYPED, Chunk, Columns, column_name
from workshop.ingest.hints import Hints
from workshop.ingest.sentences import told

MOST_BYTES = 500_000_000  # of all parts of a workbook, unpacked
MOST_CELLS = 25_000_000  # of a sheet's rectangle, including empty cells: the reader keeps all of them in memory
SERIALS = range(25_569, 109_575)  # days since 1899-12-30 from 1970 to 2199
_CELL = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_SINCE_1904 = re.compile(rb'date1904="(?:1|true)"')
_ADVICE = "Save the sheet as CSV, and give that."


class WorkbookTable:
    """A sheet of a workbook; its first row that is not empty contains the column names."""

    def __init__(self, path: Path, hints: Hints, wanted: Columns) -> None:
        self.path, self._wanted, self._header = path, wanted, hints.header
        with told(path):
            self._base = datetime(1904, 1, 1) if _examined(path) else datetime(1899, 12, 30)
            with CalamineWorkbook.from_path(path) as book:
                self._sheet, self.notes = _chosen(book, path, hints.sheet)
            self.reading = f"sheet {self._sheet}" if hints.sheet else ""
            names = next(self._rows(), (0, []))[1] if not hints.header else []
        self._names = list(hints.header) or [column_name(_text(cell)) for cell in names]
        wanted.check([name for name in self._names if name], path)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows in chunks of `size`, with unchanged values."""
        with told(self.path):
            rows = self._rows()
            if not self._header:
                next(rows)
            total = 0
            while found := list(islice(rows, size)):
                total += len(found)
                yield self._chunk(found)

    def evidence(self, names: list[str], size: int) -> Iterator[Chunk]:
        """Yield all rows; the columns include the given ones."""
        yield from self.chunks(size)

    def _rows(self) -> Iterator[tuple[int, list]]:
        """Yield each row that is not empty, with its number in the sheet."""
        with CalamineWorkbook.from_path(self.path) as book:
            sheet: CalamineSheet = book.get_sheet_by_name(self._sheet)
            for number, row in enumerate(sheet.iter_rows(), 1):
                if any(cell != "" and cell is not None for cell in row):
                    yield number, row

    def _chunk(self, found: list[tuple[int, list]]) -> Chunk:
        columns = {
            name: pa.array([self._cell(row, self._names.index(name), name) for _, row in found], pa.string())
            for name in self._wanted.among(self._names)
        }

        def show(i: int) -> str:
            texts = [_text(cell) for cell in found[i][1]]
            return json.dumps(dict(zip(self._names, texts, strict=False)), ensure_ascii=False)

        return Chunk(columns, [number for number, _ in found], show)

    def _cell(self, row: list, place: int, name: str) -> str:
        cell = row[place] if place < len(row) else ""
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            if name == self._wanted.time and int(cell) in SERIALS:  # a date that was not formatted as one
                return _text(self._base + timedelta(milliseconds=round(cell * 86_400_000)))
            if name == self._wanted.amount and re.fullmatch(r"-?[0-9]+\.[0-9]+", _text(cell)):
                return _text(cell) + TYPED
        return _text(cell)


def _text(cell: object) -> str:
    """Return a cell as text: 12345 for 12345.0, and 2018-04-25 13:00:00 for a date with a time."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell == int(cell) and abs(cell) < 1e15 else f"{cell:.15g}"
    if isinstance(cell, datetime):
        rounded = cell + timedelta(microseconds=500)
        rounded -= timedelta(microseconds=rounded.microsecond % 1_000)
        return rounded.isoformat(sep=" ", timespec="milliseconds" if rounded.microsecond else "seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def _chosen(book: CalamineWorkbook, path: Path, wanted: str) -> tuple[str, list[str]]:
    """Return the sheet's name, and messages for the user about the choice.

    Raises:
        WorkshopError: the given sheet does not exist, or no sheet is visible.
    """
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if wanted:
        if wanted not in [sheet.name for sheet in sheets]:
            raise WorkshopError(
                f"{path.name} has no sheet '{escaped(wanted)}'; its sheets are: {listed(s.name for s in sheets)}.",
                "Choose one of them: --sheet NAME.",
            )
        return wanted, []
    shown = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    if not shown:
        raise WorkshopError(f"{path.name} has no visible sheet.", "Choose a sheet: --sheet NAME.")
    if len(shown) == 1:
        return shown[0], []
    others = f"the first of {len(shown)}; --sheet NAME selects another one: {listed(shown[1:])}"
    return shown[0], [f"Read from the sheet {escaped(shown[0])}, {others}."]


def _examined(path: Path) -> bool:
    """Return whether a workbook counts its days from 1904, and check its size without loading it.

    Raises:
        WorkshopError: the parts or a sheet's rectangle are too large for the memory.
        zipfile.BadZipFile: a part is damaged, or larger than declared.
    """
    since_1904 = False
    with zipfile.ZipFile(path) as archive:
        if (size := sum(info.file_size for info in archive.infolist())) > MOST_BYTES:
            raise WorkshopError(f"{path.name} unpacks to {size / 1e6:,.0f} MB, which is too large.", _ADVICE)
        for info in archive.infolist():
            columns, rows, before = {b"A"}, 1, b""
            with archive.open(info) as part:
                while block := part.read(1 << 20):
                    if info.filename.startswith("xl/worksheets/"):
                        cells = _CELL.findall(before + block)
                        columns |= {column for column, _ in cells}
                        rows = max([rows, *(int(row) for row in {row for _, row in cells})])
                    elif info.filename == "xl/workbook.xml":
                        since_1904 |= bool(_SINCE_1904.search(before + block))
                    before = block[-64:]
            if (width := max(map(_place, columns))) * rows > MOST_CELLS:
                raise WorkshopError(
                    f"A sheet of {path.name} has {rows:,} rows and {width:,} columns, which is too large.", _ADVICE
                )
    return since_1904


def _place(column: bytes) -> int:
    """Return the number of a column: 1 for A, 27 for AA."""
    place = 0
    for letter in column:
        place = place * 26 + letter - 64
    return place
