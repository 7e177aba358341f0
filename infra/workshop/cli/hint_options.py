"""Options for the format of a user's file, where the file itself is ambiguous."""

from __future__ import annotations

import argparse

from workshop.ingest.hints import Hints

UNITS = ("s", "ms", "us", "ns")
ORDERS = ("day-first", "month-first", "year-first")


def add_hints(parser: argparse.ArgumentParser, *, amounts: bool) -> None:
    """Add the options, all of them optional."""
    group = parser.add_argument_group(
        "the format of the file", "They are needed only for what the rows of the file leave open."
    )
    if amounts:
        text = "the decimal separator of amounts: , or ."
        group.add_argument("--decimal", choices=(",", "."), default="", metavar="SIGN", help=text)
    group.add_argument(
        "--dates",
        choices=ORDERS,
        default="",
        help="the order of day and month in times such as 03/04/2018; also allows two-digit years",
    )
    group.add_argument("--time-unit", choices=UNITS, default="", help="times are numbers since 1970, in this unit")
    group.add_argument(
        "--encoding", default="", metavar="NAME", help="the encoding of a text file, such as windows-1252"
    )
    text = "the column separator of a text file: a character, or tab, blank, comma, semicolon, bar"
    group.add_argument("--delimiter", type=_delimiter, metavar="SIGN", help=text)
    text = "the column names, separated by commas, if the file has no header line"
    group.add_argument("--header", type=_header, default=(), metavar="NAMES", help=text)
    group.add_argument("--sheet", default="", metavar="NAME", help="the sheet of a workbook (default: the first)")


def hints(options: argparse.Namespace) -> Hints:
    """Return the hints in the options."""
    return Hints(
        encoding=options.encoding,
        delimiter=options.delimiter or "",
        header=options.header,
        decimal=getattr(options, "decimal", ""),
        dates=options.dates,
        time_unit=options.time_unit,
        sheet=options.sheet,
    )


def _delimiter(text: str) -> str:
    from workshop.ingest.delimiter import named  # imports pyarrow, which takes a moment

    try:
        return named(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a delimiter; give one character, or tab or blank") from None


def _header(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"'{text}' has an empty column name; write 'one,another'")
    return names
