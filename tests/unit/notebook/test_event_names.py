"""The words of an event's name, and which of them are participles."""

from __future__ import annotations

import re

import pytest
from workshop.notebook.exercises.event_names import is_participle, words


@pytest.mark.parametrize("name", ["PaymentRefunded", "payment_refunded", "payment.refunded", "payment refunded"])
def test_a_name_has_the_same_words_in_every_spelling(name: str):
    assert words(name) == ["payment", "refunded"]


def test_an_acronym_is_a_word():
    assert words("PDFSent") == ["pdf", "sent"]


@pytest.mark.parametrize(
    ("word", "expected"), [("refunded", True), ("bed", False), ("need", False), ("lent", True), ("remboursée", True)]
)
def test_a_participle_ends_in_ed_or_is_known_or_is_french(word: str, expected: bool):
    assert is_participle(word, re.compile("lent|sold")) is expected
