"""Times as text, converted to UTC since 1970, and the order of day and month that a text proves."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from workshop.domain.amounts import PLAIN_SIGNS, Unreadable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = ORDERS = ("day-first", "month-first", "year-first")
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # nanoseconds
EXAMPLE = "2018-04-25 13:00:00"
LONGEST = 60  # characters

# The evidence of a text for its column. FIXED: the text has one meaning, in any order of day and month.
FIXED, EITHER, SHORT_YEAR, NUMBER = "fixed", "either", "short year", "number"

_ZONE = r"(?P<zone>Z|(?:UTC|GMT)?\s?[+-][0-9]{1,2}(?::?[0-9]{2})?|UTC|GMT)?(?:\[[A-Za-z_/+-]+\])?"
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})(?:(?P<by>[:.h])(?P<minute>[0-9]{2})(?:(?:(?P=by)|(?<=h[0-9]{2})[:m])(?P<second>[0-9]{2})"
    r"(?:[.,:](?P<fraction>[0-9]{1,12}))?s?)?)?\s?(?P<half>[ap]\.?\s?m?\.?(?![a-z]))?\s?" + _ZONE
)
_JOIN = r"(?:t|\s*,?\s+(?:at\s|à\s|um\s)?\s*|(?<=[0-9]{4}):)"
_WEEKDAY = r"(?:[^\W\d]{2,12}\.?,?\s+)?"
_SHAPES = [
    re.compile(rf"{_WEEKDAY}{date}(?:{_JOIN}{_CLOCK})?", re.IGNORECASE)
    for date in (
        r"(?P<y>[0-9]{4})(?P<s>[-/.])(?P<m>[0-9]{1,2})(?P=s)(?P<d>[0-9]{1,2})",
        r"(?P<a>[0-9]{1,2})(?P<s>[-/.])(?P<b>[0-9]{1,2})(?P=s)(?P<c>[0-9]{4}|[0-9]{2})",
        r"(?P<d>[0-9]{1,2})(?:st|nd|rd|th|er|\.)?[-/\s]\s*(?:de\s)?(?P<name>[^\W\d]{3,12})\.?[-/,\s]\s*(?:de\s)?"
        r"(?P<c>[0-9]{4}|[0-9]{2})",
        r"(?P<name>[^\W\d]{3,12})\.?[-\s](?P<d>[0-9]{1,2})(?:st|nd|rd|th)?[-,\s]\s*(?P<c>[0-9]{4}|[0-9]{2})",
    )
]
_COMPACT = re.compile(
    r"(?P<y>(?:19[7-9]|2[01][0-9])[0-9])(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12][0-9]|3[01])(?:(?:t|\s+)?(?P<hour>[01][0-9]|2[0-3])"
    r":?(?P<minute>[0-5][0-9])(?::?(?P<second>[0-5][0-9])(?:[.,](?P<fraction>[0-9]{1,9}))?)?\s?" + _ZONE + r")?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{0,12})?(?:e[+-]?[0-9]{1,2})?", re.IGNORECASE)
_MONTHS = (
    "jan janv gen ene", "feb fev fevr", "mar mars mrt maa marz", "apr avr abr", "may mai mag mei maj", "jun juin giu",
    "jul juil lug", "aug aou aout ago", "sep sept set", "oct okt ott out", "nov", "dec dez dic des",
)  # fmt: skip
# English, French, German, Spanish, Italian, Portuguese, Dutch, Scandinavian; without accents, in full or abbreviated.
_FULL = """january janvier januar gennaio enero janeiro januari|february fevrier februar febbraio febrero fevereiro februari
|march mars marz marzo marco maart|april avril aprile abril|may mai maggio mayo maio mei maj|june juin juni giugno junio junho
|july juillet juli luglio julio julho|august aout agosto augustus augusti|september septembre settembre septiembre setembro
|october octobre oktober ottobre octubre outubro|november novembre noviembre novembro
|december decembre dezember dicembre diciembre dezembro desember"""
MONTHS = {
    name: number
    for number, names in enumerate(zip(_MONTHS, _FULL.split("|"), strict=True), 1)
    for text in names
    for name in text.split()
}


@dataclass(frozen=True)
class Written:
    """A parsed time, before the order of day and month is decided.

    Attributes:
        kind: the evidence for the column: FIXED, EITHER, SHORT_YEAR, NUMBER, or the order that the text proves.
        parts: year, month and day if `kind` is FIXED, else the three numbers in the order of the text.
        nanoseconds: the time since midnight UTC of that day; negative for some time zones.
        number: the text, if it is a single number.
        named: whether the month is a name.
    """

    kind: str
    parts: tuple[int, int, int] = (0, 0, 0)
    nanoseconds: int = 0
    number: str = ""
    named: bool = False


@lru_cache(100_000)
def written(text: str) -> Written:
    """Parse a time.

    Raises:
        Unreadable: the text is not a time in any order of day and month.
    """
    bare = " ".join((text if text.isascii() else text.translate(PLAIN_SIGNS)).split())
    if len(bare) > LONGEST:
        raise Unreadable(f"the time {text[:20]!r}… is not written as {EXAMPLE}")
    if not bare:
        raise Unreadable("there is no time")
    if compact := _COMPACT.fullmatch(bare):
        parts = (int(compact["y"]), int(compact["m"]), int(compact["d"]))
        return Written(FIXED, parts, _since_midnight(compact, text), bare if bare.isdigit() else "")
    if _NUMBER.fullmatch(bare):
        return Written(NUMBER, number=bare)
    found = next((match for shape in _SHAPES if (match := shape.fullmatch(bare))), None)
    if not found:
        raise Unreadable(_why_not(bare, text))
    groups, clock = found.groupdict(), _since_midnight(found, text)
    if "y" in groups:
        return Written(FIXED, (int(groups["y"]), int(groups["m"]), int(groups["d"])), clock)
    short = len(groups["c"]) == 2
    if "name" in groups:
        parts = (int(groups["c"]), _month(groups["name"], text), int(groups["d"]))
        return Written(SHORT_YEAR if short else FIXED, parts[::-1] if short else parts, clock, named=True)
    first, second, year = int(groups["a"]), int(groups["b"]), int(groups["c"])
    if short:
        return Written(SHORT_YEAR, (first, second, year), clock)
    if first == second:
        return Written(FIXED, (year, second, first), clock)
    kind = DAY_FIRST if first > 12 else MONTH_FIRST if second > 12 else EITHER
    return Written(kind, (first, second, year), clock)


def nanoseconds(text: str, order: str = "", unit: str = "", short_years: bool = False) -> int:
    """Return a time as nanoseconds since 1970, UTC.

    A time without a zone is UTC; a day without a time is its midnight.

    Args:
        order: the order of day and month in the column, one of ORDERS; empty if it is unknown.
        unit: the unit of a number, one of UNITS.
        short_years: whether the order also applies to years of two digits: 69 to 99 are 1969 to 1999, as in POSIX.

    Raises:
        Unreadable: the text is not such a time, or is ambiguous.
    """
    found = written(text)
    if found.number and unit:
        return int(Decimal(found.number) * UNITS[unit])
    if found.kind == NUMBER:
        raise Unreadable(
            f"the time {text!r} is not written as {EXAMPLE} but as a number: set its unit, --time-unit s, ms, us or ns"
        )
    year, month, day = _day(found, text, order, short_years)
    try:
        days = datetime(year, month, day, tzinfo=UTC) - EPOCH
    except (ValueError, OverflowError):
        raise Unreadable(f"the time {text!r} does not exist") from None
    return days.days * 86_400_000_000_000 + found.nanoseconds


def moment(text: str, order: str = "", unit: str = "", short_years: bool = False) -> int:
    """Return the same time in milliseconds, rounded down."""
    return nanoseconds(text, order, unit, short_years) // 1_000_000


def _day(found: Written, text: str, order: str, short_years: bool) -> tuple[int, int, int]:
    """Return year, month and day."""
    if found.kind == FIXED:
        return found.parts
    if found.kind == SHORT_YEAR:
        return _short(found, text, order if short_years else "")
    if order not in (DAY_FIRST, MONTH_FIRST):
        if found.kind == EITHER or order:
            raise Unreadable(
                f"in the time {text!r} day and month can be read either way round: use --dates day-first or month-first"
            )
        order = found.kind
    first, second, year = found.parts
    day, month = (first, second) if order == DAY_FIRST else (second, first)
    if found.kind not in (EITHER, order):
        raise Unreadable(f"the time {text!r} does not exist if it is read {order.replace('-', ' ')}")
    return year, month, day


def _short(found: Written, text: str, order: str) -> tuple[int, int, int]:
    if not order:
        raise Unreadable(
            f"the year of the time {text!r} has two digits, and its parts can be read either way round: "
            "use --dates day-first, month-first or year-first"
        )
    first, second, third = found.parts
    if found.named and order != YEAR_FIRST:
        day, month, year = first, second, third
    elif order == YEAR_FIRST:
        year, month, day = first, second, third
    else:
        day, month, year = (first, second, third) if order == DAY_FIRST else (second, first, third)
    return year + (1900 if year > 68 else 2000), month, day


def _since_midnight(found: re.Match, text: str) -> int:
    """Return the nanoseconds since midnight UTC."""
    groups = found.groupdict()
    if not groups["hour"]:
        return 0
    half = (groups.get("half") or "").lower()[:1]
    if not groups["minute"] and not half:
        raise Unreadable(f"the time {text!r} is not written as {EXAMPLE}")
    hour, minute, second = (int(groups[name] or 0) for name in ("hour", "minute", "second"))
    if hour > (12 if half else 23) or minute > 59 or second > 59 or (half == "p" and hour == 0):
        raise Unreadable(f"the time {text!r} does not exist")
    hour = hour % 12 + 12 * (half == "p") if half else hour
    minutes = hour * 60 + minute - _offset(groups["zone"], text)
    return (minutes * 60 + second) * 10**9 + int((groups["fraction"] or "0")[:9].ljust(9, "0"))


def _offset(zone: str | None, text: str) -> int:
    """Return the minutes east of UTC."""
    digits = re.sub(r"(?i)utc|gmt|z|\s", "", zone or "")
    if not digits:
        return 0
    hours, _, minutes = digits[1:].partition(":")
    if not minutes and len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    if int(hours) > 23 or int(minutes or 0) > 59:
        raise Unreadable(f"the time {text!r} does not exist")
    return (int(hours) * 60 + int(minutes or 0)) * (-1 if digits[0] == "-" else 1)


def _month(name: str, text: str) -> int:
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(sign))
    if plain not in MONTHS:
        raise Unreadable(f"the month {name!r} of the time {text!r} is not known: it is not written as {EXAMPLE}")
    return MONTHS[plain]


def _why_not(bare: str, text: str) -> str:
    if zone := re.search(r"[0-9]\s?\[?((?!UTC|GMT)[A-Z]{2,5}|[A-Z][a-z]+/[A-Za-z_/]+)\]?$", bare):
        return f"the time zone {zone[1]!r} of the time {text!r} is not read: write it as +01:00"
    return f"the time {text!r} is not written as {EXAMPLE}"


def shown(at: int) -> str:
    """Return a time in nanoseconds since 1970 as text."""
    try:
        return f"{EPOCH + timedelta(microseconds=at // 1000):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return "a time beyond the year 9999"


def likely_unit(number: str) -> str:
    """Return the unit in which a number is a time of the present, or ''."""
    size = abs(Decimal(number))
    return next(
        (unit for unit, most in (("s", 5e9), ("ms", 5e12), ("us", 5e15), ("ns", 5e18)) if 1e8 <= size < most), ""
    )
