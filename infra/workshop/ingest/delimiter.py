"""Delimiter of a table of text, detected from its header and its first rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workshop.ingest.columns import column_name

SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
BLANKS, WIDE_BLANKS = " ", "  "  # one blank or more; two or more, so that a value may have one
NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "pipe": "|", "blank": " ", "blanks": " ",
         "space": " ", "spaces": " ", "whitespace": " "}  # fmt: skip
_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # a first line with the delimiter, written by spreadsheets


@dataclass(frozen=True)
class Delimiter:
    """The delimiter of columns: a character, or blanks."""

    sign: str

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Split lines into fields; a field in quotation marks may contain the delimiter and line breaks.

        Raises:
            csv.Error: a quotation mark has no end, or text follows it.
        """
        if self.sign == WIDE_BLANKS:
            return (re.split(r"\t|\s{2,}", line.strip()) if line.strip() else [] for line in lines)
        if self.sign == BLANKS:
            lines = (line.strip().replace("\t", " ") for line in lines)
        return csv.reader(lines, delimiter=self.sign, skipinitialspace=True, strict=True)

    def __str__(self) -> str:
        if self.sign in (BLANKS, WIDE_BLANKS):
            return "blanks"
        return f"a {SIGNS[self.sign]}" if self.sign in SIGNS else repr(self.sign)


def named(text: str) -> str:
    """Return the delimiter for a user's input such as ";", "tab" or "blank".

    Raises:
        ValueError: the input is not a delimiter.
    """
    sign = NAMES.get(text.lower(), text)
    if len(sign) != 1 or sign.isalnum() or sign in '"\r\n\0':
        raise ValueError(text)
    return sign


@dataclass(frozen=True)
class Layout:
    """The layout of a table: the delimiter, the columns, and the number of lines before the rows."""

    delimiter: Delimiter
    header: list[str]
    skipped: int


def layout(lines: list[str], mandatory: Iterable[str], sign: str = "", header: tuple[str, ...] = ()) -> Layout:
    """Return the layout with the delimiter that gives the mandatory columns, or that fits most lines.

    Args:
        lines: the first lines.
        sign: the delimiter, if it is known.
        header: the names of the columns, if no line has them.
    """
    skipped = next((i for i, line in enumerate(lines) if line.strip(" \t\r\n\ufeff\x0b\x0c")), len(lines))
    if skipped < len(lines) and (said := _SEP.fullmatch(lines[skipped].strip(" \r\n\ufeff"))):
        sign, skipped = sign or said[1], skipped + 1
        skipped += next((i for i, line in enumerate(lines[skipped:]) if line.strip()), 0)
    if skipped >= len(lines):
        return Layout(Delimiter(sign or ","), list(header), skipped)
    first = lines[skipped].lstrip("\ufeff")
    candidates = [Delimiter(one) for one in ([sign] if sign else [*SIGNS, BLANKS, WIDE_BLANKS])]
    needed = set(mandatory)

    def fits(one: Delimiter) -> tuple[int, int, int]:
        names = list(header) or _names(one, first)
        rows = lines[skipped if header else skipped + 1 :]
        agreeing = sum(len(row) == len(names) for row in _rows(one, rows)) if len(names) > 1 else 0
        # Blanks occur in names and values too: they count only if no other character separates anything.
        weak = one.sign in (BLANKS, WIDE_BLANKS) and any(len(_names(Delimiter(s), first)) > 1 for s in SIGNS)
        return len(needed & set(names)), 0 if weak else agreeing, 0 if weak else len(names)

    best = max(candidates, key=fits)
    return Layout(best, list(header) or _names(best, first), skipped if header else skipped + 1)


def _names(delimiter: Delimiter, line: str) -> list[str]:
    return [column_name(name) for row in _rows(delimiter, [line])[:1] for name in row]


def _rows(delimiter: Delimiter, lines: list[str]) -> list[list[str]]:
    rows: list[list[str]] = []
    for line in lines:
        try:
            rows += delimiter.rows([line])
        except csv.Error:
            continue
    return [row for row in rows if row]
