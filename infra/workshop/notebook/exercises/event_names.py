"""The words of an event's name, for checks that ask whether it states a fact in the past tense."""

from __future__ import annotations

import re

# Words that end in -ed and are no participles.
NOUNS = re.compile(r"bed|embed|exceed|feed|need|proceed|red|seed|speed|succeed")


def words(name: str) -> list[str]:
    """Return the words of a name in lower case: `PaymentRefunded`, `payment_refunded` and `payment.refunded` have two."""
    apart = re.sub(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+", apart)]


def is_participle(word: str, irregular: re.Pattern[str]) -> bool:
    """Return whether a word is an English or French participle.

    Args:
        word: in lower case.
        irregular: the participles of the field that do not end in -ed.
    """
    regular = len(word) > 3 and word.endswith("ed") and not NOUNS.fullmatch(word)
    return regular or bool(irregular.fullmatch(word)) or word.endswith(("é", "ée", "és", "ées"))
