"""The sentence to the customer: every signal, language, number and shape of period."""

from __future__ import annotations

from datetime import datetime

import pytest
from workshop.domain.fraud.periods import PeriodWarning
from workshop.domain.fraud.warnings_text import MONTHS, REASONS, euros, warning_text


def warning(first="2018-06-03", last="2018-06-09", payments=5, cents=123_450, signal="amount") -> PeriodWarning:
    """A warning over these days."""
    ids = tuple(range(payments))
    first, last = datetime.fromisoformat(first), datetime.fromisoformat(last)
    return PeriodWarning("c", first, last, payments, payments + 1, cents, ids, signal, 9.0)


def plain(text: str) -> str:
    """The French sentence with ordinary spaces, to be read in a test."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def test_the_english_sentence():
    assert warning_text(warning()) == (
        "Careful: you made a strange series of transactions between 3 and 9 June 2018: 5 payments, 1,234.50\u00a0€, "
        "each far above what you usually pay."
    )


def test_the_french_sentence():
    assert plain(warning_text(warning(), "fr")) == (
        "Attention, vous avez effectué une série de transactions étranges entre le 3 et le 9 juin 2018 : "
        "5 paiements, 1 234,50 €, chacun bien supérieur à vos montants habituels."
    )


@pytest.mark.parametrize(
    ("first", "last", "english", "french"),
    [
        ("2018-06-03 01:00", "2018-06-03 23:59", "on 3 June 2018", "le 3 juin 2018"),
        ("2018-06-01", "2018-06-01", "on 1 June 2018", "le 1er juin 2018"),
        ("2018-06-03", "2018-06-04", "between 3 and 4 June 2018", "entre le 3 et le 4 juin 2018"),
        ("2018-07-30", "2018-08-01", "between 30 July and 1 August 2018", "entre le 30 juillet et le 1er août 2018"),
        (
            "2018-12-28",
            "2019-02-03",
            "between 28 December 2018 and 3 February 2019",
            "entre le 28 décembre 2018 et le 3 février 2019",
        ),
        ("2018-06-03", "2019-06-03", "between 3 June 2018 and 3 June 2019", "entre le 3 juin 2018 et le 3 juin 2019"),
    ],
)
def test_the_days_say_no_more_than_they_must(first, last, english, french):
    told = warning(first, last)
    assert f"transactions {english}: 5" in warning_text(told)
    assert f"étranges {french} : 5" in plain(warning_text(told, "fr"))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("signal", ["amount", "count", "both"])
def test_each_signal_says_what_it_saw(language, signal):
    text = warning_text(warning(signal=signal), language)
    assert text.endswith(f"{REASONS[language][signal].format(each='each' if language == 'en' else 'chacun')}.")
    assert "{" not in text
    assert "  " not in text


def test_one_payment_is_singular():
    one = warning("2018-06-03", "2018-06-03", payments=1, cents=5)
    english, french = warning_text(one), plain(warning_text(one, "fr"))
    assert english == (
        "Careful: you made a strange transaction on 3 June 2018: 1 payment, 0.05\u00a0€, far above what you usually pay."
    )
    assert french == (
        "Attention, vous avez effectué une transaction étrange le 3 juin 2018 : 1 paiement, 0,05 €, "
        "bien supérieur à vos montants habituels."
    )


@pytest.mark.parametrize(
    ("cents", "english", "french"),
    [
        (0, "0.00\u00a0€", "0,00 €"),
        (7, "0.07\u00a0€", "0,07 €"),
        (99_999, "999.99\u00a0€", "999,99 €"),
        (100_000, "1,000.00\u00a0€", "1 000,00 €"),
        (123_456_789_00, "123,456,789.00\u00a0€", "123 456 789,00 €"),
        (-123_450, "-1,234.50\u00a0€", "-1 234,50 €"),
    ],
)
def test_money(cents, english, french):
    assert euros(cents, "en") == english
    assert plain(euros(cents, "fr")) == french


def test_french_spaces_do_not_break():
    text = warning_text(warning(payments=1_200), "fr")
    assert "1\u202f200\u00a0paiements" in text
    assert "1\u202f234,50\u00a0€" in text
    assert "2018\u00a0: " in text


def test_every_month_has_a_name():
    for month in range(1, 13):
        told = warning(f"2018-{month:02d}-05", f"2018-{month:02d}-06")
        assert MONTHS["en"].split()[month - 1] in warning_text(told)
        assert MONTHS["fr"].split()[month - 1] in warning_text(told, "fr")


def test_what_has_no_sentence_is_refused():
    with pytest.raises(ValueError, match="'de'"):
        warning_text(warning(), "de")
    with pytest.raises(ValueError, match="'mood'"):
        warning_text(warning(signal="mood"))
