"""How people write an amount or a time: whole cents and milliseconds, exactly, or why it cannot be meant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

RESIDUE = Decimal("1e-6")  # what binary fractions leave behind: 12.340000001, 4.4e-16
MOST_CENTS = 10**12  # what `features` can add up in 64 bits
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURRENCY = re.compile(r"(?<![A-Za-z])([A-Z]{3}|[A-Z]{0,2}[$€£¥₹₽₺₩₪₫₴฿]|kr\.?|Fr\.|zł|Kč|Ft)(?![A-Za-z])")
_SIGNED = re.compile(r"(?P<open>\()?\s*(?P<lead>[+-])?\s*(?P<number>[0-9.].*?)\s*(?P<trail>-)?\s*(?P<close>\))?")
_DECIMAL = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_COMMA = re.compile(r"[0-9]+,[0-9]{1,2}")
_GROUPED = re.compile(r"[0-9]{1,3}(?P<s>[,.'’ \u00a0\u202f])[0-9]{3}((?P=s)[0-9]{3})*((?!(?P=s))[.,][0-9]{1,2})?")
_DAY_FIRST = re.compile(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}\b.*", re.DOTALL)
_TIME = re.compile(
    r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:(?:T|\s+)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"\s*(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.IGNORECASE,
)


class Unreadable(ValueError):
    """A value that cannot be meant; the message says why."""


def cents(text: str) -> int:
    """An amount as whole cents: 12.34, (12.34), 12.34-, € 1.234,56, $1,234.56, 1 234,56 EUR, CHF 12.-.

    Raises:
        Unreadable: it is no amount, it has more than two decimals, or its separator can be meant in two ways.
    """
    if len(text) > 60:
        raise Unreadable(f"the amount {text[:20]!r}… is not a number")
    bare = _CURRENCY.sub("", text.replace("−", "-"), count=1).strip()
    found = _SIGNED.fullmatch(re.sub(r"[.,][-–—]+", "", bare))  # CHF 12.-
    if not found or bool(found["open"]) != bool(found["close"]):
        raise Unreadable(f"the amount {text!r} is not a number" if text.strip() else "there is no amount")
    signs = [sign for sign in (found["open"], found["lead"], found["trail"]) if sign]
    if len(signs) > 1:
        raise Unreadable(f"the amount {text!r} has two signs")
    size = _hundredfold(_number(found["number"], text), text)
    return -size if signs and signs != ["+"] else size


def _number(digits: str, text: str) -> Decimal:
    if _DECIMAL.fullmatch(digits):
        return Decimal(digits)
    if _COMMA.fullmatch(digits):
        return Decimal(digits.replace(",", "."))
    grouped = _GROUPED.fullmatch(digits)
    if not grouped:
        raise Unreadable(f"the amount {text!r} is not a number")
    if re.fullmatch(r"[0-9]+,[0-9]{3}", digits):
        raise Unreadable(f"the amount {text!r} can be meant in two ways: write its two decimals")
    return Decimal(digits.replace(grouped["s"], "").replace(",", "."))


def _hundredfold(amount: Decimal, text: str) -> int:
    if amount and amount.adjusted() > 13:
        raise Unreadable(f"the amount {text!r} is too large")
    whole = int((amount * 100).to_integral_value())
    if abs(amount - Decimal(whole) / 100) > RESIDUE:
        raise Unreadable(f"the amount {text!r} has more than two decimals")
    return whole


def moment(text: str) -> int:
    """A time such as 2018-04-01 00:07:56, 2018/4/1 0:07, 2018-04-01T00:07:56.5+02:00 as milliseconds since 1970, UTC.

    A time without a zone is UTC; a day without a time is its midnight; what is finer than a millisecond is cut off.

    Raises:
        Unreadable: it is no such time, or the day and the month could be meant the other way round.
    """
    bare = text.strip()
    if len(bare) > 60:
        raise Unreadable(f"the time {text[:20]!r}… is not written as 2018-04-25 13:00:00")
    if not bare:
        raise Unreadable("there is no time")
    if _DAY_FIRST.fullmatch(bare):
        raise Unreadable(f"in the time {text!r} day and month can be meant either way round: write 2018-04-25 13:00:00")
    found = _TIME.fullmatch(bare)
    if not found:
        raise Unreadable(f"the time {text!r} is not written as 2018-04-25 13:00:00")
    *clock, fraction, zone = found.groups()
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in clock)
        at = datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone))
        since = (at - EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise Unreadable(f"the time {text!r} does not exist") from None
    return since + int((fraction or "0")[:3].ljust(3, "0"))


def _zone(text: str | None) -> timezone:
    if not text or text.upper() in ("Z", "UTC"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[3:].removeprefix(":") or 0)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
