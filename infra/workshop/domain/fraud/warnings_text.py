"""Message to a customer about a strange period, in English and French, independent of the locale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from workshop.domain.fraud.periods import PeriodWarning

NO_BREAK = "\u00a0"  # before a currency sign; French: also before a colon
NARROW = "\u202f"  # French: between thousands
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
REASONS = {
    "en": {
        "amount": "{each} far above what you usually pay",
        "count": "far more than you usually make in so short a time",
        "both": "far more than you usually make in so short a time, and some far above what you usually pay",
    },
    "fr": {
        "amount": "{each} bien supérieur à vos montants habituels",
        "count": "bien plus que d’habitude en si peu de temps",
        "both": "bien plus que d’habitude en si peu de temps, et certains bien supérieurs à vos montants habituels",
    },
}


def warning_text(warning: PeriodWarning, language: str = "en") -> str:
    """Return a sentence with the period, number and total of the strange payments, and the broken habit.

    Args:
        warning: a result of `find_periods`; its cents are euro cents, its days UTC.
        language: "en" or "fr".

    Raises:
        ValueError: there is no text in the language, or for the signal.
    """
    if language not in WRITERS:
        raise ValueError(f"There is no sentence in {language!r}: choose 'en' or 'fr'.")
    if warning.signal not in REASONS[language]:
        raise ValueError(f"There is no sentence for the signal {warning.signal!r}.")
    return WRITERS[language](warning)


def _english(warning: PeriodWarning) -> str:
    one = warning.payments == 1
    made = "a strange transaction" if one else "a strange series of transactions"
    many = "1 payment" if one else f"{warning.payments:,} payments"
    reason = REASONS["en"][warning.signal].format(each="" if one else "each").strip()
    when = _period(warning, "on {}", "between {} and {}", _english_day)
    return f"Careful: you made {made} {when}: {many}, {euros(warning.cents, 'en')}, {reason}."


def _french(warning: PeriodWarning) -> str:
    one = warning.payments == 1
    made = "une transaction étrange" if one else "une série de transactions étranges"
    many = f"1{NO_BREAK}paiement" if one else f"{_grouped(warning.payments, NARROW)}{NO_BREAK}paiements"
    reason = REASONS["fr"][warning.signal].format(each="" if one else "chacun").strip()
    when = _period(warning, "le {}", "entre le {} et le {}", _french_day)
    money = euros(warning.cents, "fr")
    return f"Attention, vous avez effectué {made} {when}{NO_BREAK}: {many}, {money}, {reason}."


WRITERS: dict[str, Callable[[PeriodWarning], str]] = {"en": _english, "fr": _french}


def euros(cents: int, language: str) -> str:
    """Return an amount in the style of the language: "1,234.50 €" or "1 234,50 €" with non-breaking spaces."""
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    if language == "fr":
        return f"{sign}{_grouped(whole, NARROW)},{rest:02d}{NO_BREAK}€"
    return f"{sign}{_grouped(whole, ',')}.{rest:02d}{NO_BREAK}€"


def _grouped(number: int, separator: str) -> str:
    return f"{number:,}".replace(",", separator)


def _period(warning: PeriodWarning, one_day: str, days: str, day: Callable[[date, str], str]) -> str:
    """Return the period's days; the first day omits the month and year that the last day repeats."""
    first, last = warning.first.date(), warning.last.date()
    if first == last:
        return one_day.format(day(first, "dmy"))
    parts = "dmy" if first.year != last.year else "dm" if first.month != last.month else "d"
    return days.format(day(first, parts), day(last, "dmy"))


def _english_day(day: date, parts: str) -> str:
    return _written({"d": str(day.day), "m": MONTHS["en"].split()[day.month - 1], "y": str(day.year)}, parts)


def _french_day(day: date, parts: str) -> str:
    number = "1er" if day.day == 1 else str(day.day)
    return _written({"d": number, "m": MONTHS["fr"].split()[day.month - 1], "y": str(day.year)}, parts)


def _written(words: dict[str, str], parts: str) -> str:
    return " ".join(words[part] for part in parts)
