"""Small workbooks, written by hand: no package of this project writes .xlsx."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DATE = "date"  # (DATE, serial): a number that is formatted as a date and time


def workbook(path: Path, sheets: dict[str, list[list]], hidden: tuple[str, ...] = (), base: str = "") -> Path:
    """Write sheets of rows; a cell is a text, a number, None, or (DATE, serial)."""
    names = list(sheets)
    states = [' state="hidden"' if name in hidden else "" for name in names]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.'
            f'openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}"/></Types>',
        )
        archive.writestr("_rels/.rels", _relations({"rId1": ("officeDocument", "xl/workbook.xml")}))
        listed = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="rId{i}"{state}/>'
            for i, (name, state) in enumerate(zip(names, states, strict=True), 1)
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{base}<sheets>{listed}</sheets></workbook>',
        )
        parts = {f"rId{i}": ("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(names) + 1)}
        parts[f"rId{len(names) + 1}"] = ("styles", "styles.xml")
        archive.writestr("xl/_rels/workbook.xml.rels", _relations(parts))
        formats = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{MAIN}">{formats}</styleSheet>')
        for i, name in enumerate(names, 1):
            rows = "".join(_row(number, row) for number, row in enumerate(sheets[name], 1))
            sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/sheet{i}.xml", sheet)
    return path


def _relations(parts: dict[str, tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{i}" Type="{OFFICE}/{k}" Target="{target}"/>' for i, (k, target) in parts.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def _row(number: int, cells: list) -> str:
    inner = "".join(_cell(f"{chr(65 + place)}{number}", cell) for place, cell in enumerate(cells))
    return f'<row r="{number}">{inner}</row>'


def _cell(name: str, cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, tuple):
        return f'<c r="{name}" s="1"><v>{cell[1]!r}</v></c>'
    if isinstance(cell, str):
        return f'<c r="{name}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
    if isinstance(cell, bool):
        return f'<c r="{name}" t="b"><v>{cell:d}</v></c>'
    return f'<c r="{name}"><v>{cell!r}</v></c>'
