"""User's settings for the reading of a file, which the file itself may not show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hints:
    """Settings for the reading of a file; empty ones are detected from its content.

    Attributes:
        encoding: the name of a text's encoding.
        delimiter: the delimiter of a text's columns: one character, or " " for blanks.
        header: the names of the columns, for a text that has no header line.
        decimal: the decimal sign of amounts, "." or ",".
        dates: the order of day and month, one of `dates.ORDERS`.
        time_unit: the unit of times that are numbers, one of `dates.UNITS`.
        sheet: the name of a workbook's sheet.
    """

    encoding: str = ""
    delimiter: str = ""
    header: tuple[str, ...] = ()
    decimal: str = ""
    dates: str = ""
    time_unit: str = ""
    sheet: str = ""
