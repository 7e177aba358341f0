"""Numbers and summaries of benchmarks as text."""

from __future__ import annotations

import math

from benchmarks.results import Summary

DIGITS = 3  # significant digits of a number that is no whole one


def decimals(number: float) -> int:
    """Return the decimals that show a number with `DIGITS` significant digits, without zeros at its end."""
    if number == 0:
        return 0
    places = max(0, DIGITS - 1 - math.floor(math.log10(abs(number))))
    shown = f"{number:.{places}f}".rstrip("0")
    return len(shown.partition(".")[2])


def numbers(*values: float) -> list[str]:
    """Return numbers as text with the same number of decimals."""
    places = max(map(decimals, values), default=0)
    return [f"{value:,.{places}f}" for value in values]


def summary_text(summary: Summary, unit: str) -> str:
    """Return a summary as text: "2.7 s (2.6 to 2.9)", with what is known of it."""
    unit = f" {unit}" if unit else ""
    return _known(summary, unit) + (f", {summary.note}" if summary.note else "")


def _known(summary: Summary, unit: str) -> str:
    if summary.total is not None:
        return f"{numbers(summary.total)[0]}{unit} in all"
    known = {name: getattr(summary, name) for name in ("median", "min", "max") if getattr(summary, name) is not None}
    shown = dict(zip(known, numbers(*known.values()), strict=True))
    if known.keys() == {"median", "min", "max"}:
        spread = "" if summary.runs == 1 else f" ({shown['min']} to {shown['max']})"
        return f"{shown['median']}{unit}{spread}"
    if known.keys() == {"min", "max"}:
        return f"{shown['min']} to {shown['max']}{unit}"
    words = {"median": "", "min": "at least ", "max": "up to "}
    return ", ".join(f"{words[name]}{text}{unit}" for name, text in shown.items())
