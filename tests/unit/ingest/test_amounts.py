"""Amounts in any locale: what a column proves decides, what it leaves open is refused, and nothing is wrong by a thousand."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.domain.amounts import Unreadable, cents
from workshop.ingest.values import Conventions, amounts

from .logs import accepted, refusal, with_amounts

COMMA = {
    "1.000": 100000,
    "12.500": 1250000,
    "12.345": 1234500,
    "150.000 ₫": 15000000,
    "Rp 15.500": 1550000,
    "COP 75.900": 7590000,
    "R$ 1.234": 123400,
    "-1.234": -123400,
    "(1.234)": -123400,
    "1.234-": -123400,
    "1,000": 100,
}
POINT = {"1,000": 100000, "12,500": 1250000, "$1,234": 123400, "(1,234)": -123400, "1.500": 150}


COMMA_PROOFS = ("236,48", "89,9", "1.488,69", "1.234.567", "0,500", "1234,50", "1 236,48 €", "5,-")
POINT_PROOFS = ("236.48", "89.9", "1,488.69", "1,234,567", "0.500", "1'234.50", "1,23,456", "CHF 5.-")


@pytest.mark.parametrize(
    ("proof", "column"),
    [*((proof, COMMA) for proof in COMMA_PROOFS), *((proof, POINT) for proof in POINT_PROOFS)],
)
def test_one_row_that_shows_the_decimal_sign_decides_for_its_column(proof: str, column: dict, tmp_path: Path) -> None:
    prepared, found = accepted(with_amounts(tmp_path, *column, proof))
    assert found.refused == []
    assert found.cents.tolist()[:-1] == list(column.values())
    assert any("decimal sign" in note and proof in note for note in prepared.notes)


EITHER = {
    "1.000": {".": 100, ",": 100000},
    "12.500": {".": 1250, ",": 1250000},
    "12.345": {".": None, ",": 1234500},
    "1,000": {".": 100000, ",": 100},
    "¥1,500": {".": 150000, ",": 150},
    "7": {".": 700, ",": 700},
    "200": {".": 20000, ",": 20000},
}


@pytest.mark.parametrize(
    "column", [["1.000", "12.500"], ["1,000"], ["12.345", "7"], ["1.000", "1,000"], ["¥1,500", "200"]]
)
def test_a_column_that_shows_nothing_is_refused_until_the_option_decides(column: list[str], tmp_path: Path) -> None:
    path = with_amounts(tmp_path, *column)
    said = refusal(path)
    assert "can be read in two ways" in said
    assert "--decimal , or --decimal ." in said
    for sign in (".", ","):
        _, found = accepted(path, decimal=sign)
        assert found.cents.tolist() == [EITHER[text][sign] for text in column if EITHER[text][sign] is not None]


def test_three_decimals_that_were_shown_to_be_decimals_are_refused_by_row(tmp_path: Path) -> None:
    _, found = accepted(with_amounts(tmp_path, "12.34", "12.345"))
    assert found.cents.tolist() == [1234]
    assert "more than two decimals" in found.refused[0].reason
    _, found = accepted(with_amounts(tmp_path, "12,34", "12.345"))
    assert found.cents.tolist() == [1234, 1234500]


def test_a_column_of_both_signs_reads_what_is_clear_and_asks_about_the_rest(tmp_path: Path) -> None:
    _, found = accepted(with_amounts(tmp_path, "1.234,56", "1,234.56", "7"))
    assert found.cents.tolist() == [123456, 123456, 700]
    said = refusal(with_amounts(tmp_path, "1.234,56", "1,234.56", "1.500"))
    assert "'1.234,56' in line 2" in said
    assert "'1,234.56' in line 3" in said


@pytest.mark.parametrize(
    "text", ["1,5 MIO", "1.2M", "3 k", "5 kg", "12%", "12.50 CR", "1 23 456", "12²", "1,2,3", "ten"]
)
def test_a_word_that_is_no_currency_is_not_read_over(text: str) -> None:
    with pytest.raises(Unreadable, match="is not a number"):
        cents(text)


@pytest.mark.parametrize(
    ("text", "worth"),
    {
        "1\u2009234,56\u202f€": 123456,
        "１２３．４５": 12345,
        "￥１２３": 12300,
        "١٬٢٣٤٫٥٠": 123450,
        "₹1,23,456.78": 12345678,
        "Rs. 1,23,456.00": 12345600,
        "S/ 12.50": 1250,
        "12,50 zł": 1250,
        "1 234,50 Kč": 123450,
        "12,50 руб.": 1250,
        "kr 1.234,50": 123450,
        "1’234.50": 123450,
        "12.50 eur": 1250,
        "12 $US": 1200,
        "\u200e-12.50": -1250,
        "1,5E3": 150000,
        "F CFA 500": None,
    }.items(),
)
def test_amounts_from_many_countries(text: str, worth: int | None) -> None:
    if worth is None:
        with pytest.raises(Unreadable):
            cents(text)
    else:
        assert cents(text) == worth


def grouped(whole: int, by: str, *, indian: bool = False) -> str:
    """A whole number with its groups apart."""
    text = str(whole)
    if not indian or len(text) <= 3:
        return f"{whole:,}".replace(",", by)
    head, tail = text[:-3], text[-3:]
    pairs = [head[max(0, i - 2) : i] for i in range(len(head), 0, -2)]
    return by.join([*reversed(pairs), tail])


LOCALES = {  # how thousands are grouped, the decimal sign, a row that proves it
    "French": (lambda whole: grouped(whole, "\u202f"), ",", "0,50"),
    "German": (lambda whole: grouped(whole, "."), ",", "0,50"),
    "American": (lambda whole: grouped(whole, ","), ".", "0.50"),
    "Swiss": (lambda whole: grouped(whole, "’"), ".", "0.50"),
    "Indian": (lambda whole: grouped(whole, ",", indian=True), ".", "0.50"),
    "plain, point": (str, ".", "0.50"),
    "plain, comma": (str, ",", "0,50"),
}
SIGNS = {"before": "-{}", "behind": "{}-", "brackets": "({})", "minus": "−{}", "after the currency": "€ -{}"}


@given(
    st.lists(st.tuples(st.integers(-(10**11), 10**11), st.sampled_from([0, 1, 2]), st.sampled_from(sorted(SIGNS)))),
    st.sampled_from(sorted(LOCALES)),
    st.sampled_from(["{}", "{} €", "$ {}", "EUR {}", "{} ₫"]),
)
def test_any_locale_with_one_proof_in_the_column_comes_back_exactly(rows: list, name: str, currency: str) -> None:
    group, sign, proof = LOCALES[name]
    texts, worths = [], []
    for worth, decimals, style in rows:
        whole, rest = divmod(abs(worth), 100)
        rest = {0: 0, 1: rest // 10 * 10, 2: rest}[decimals]
        fraction = f"{sign}{rest:02d}"[: 1 + decimals] if decimals else ""
        text = group(whole) + fraction
        texts.append(SIGNS[style].format(text) if worth < 0 else currency.format(text))
        worths.append((whole * 100 + rest) * (-1 if worth < 0 else 1))
    with tempfile.TemporaryDirectory() as folder:
        _, found = accepted(with_amounts(Path(folder), *texts, proof))
    assert found.cents.tolist() == [*worths, 50]


@given(st.lists(st.integers(-(10**7), 10**7), min_size=1))
def test_amounts_in_single_precision_come_back_to_the_cent(worths: list[int]) -> None:
    column = pa.array(np.array([worth / 100 for worth in worths], np.float32))
    found, against = amounts(column)
    assert against == {}
    assert found.tolist() == worths


def test_single_precision_holds_no_cents_of_a_large_amount(tmp_path: Path) -> None:
    cents_of, against = amounts(pa.array(np.array([1234567.89, 12.34], np.float32)))
    assert cents_of.tolist()[1] == 1234
    assert "32 bits, which holds no cents" in against[0]
    whole, against = amounts(pa.array(np.array([1234567, 12], np.float32)), Conventions(whole=True))
    assert (whole.tolist(), against) == ([123456700, 1200], {})
    assert "two decimals" in amounts(pa.array(np.array([1.005], np.float32)))[1][0]
    table = pa.table(
        {
            "TX_DATETIME": ["2024-01-02 12:00:00"] * 3,
            "CUSTOMER_ID": ["a"] * 3,
            "TX_AMOUNT": pa.array([Decimal("12.34"), Decimal("-1234.560"), Decimal("1.000")], pa.decimal128(12, 3)),
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    assert accepted(tmp_path / "log.parquet")[1].cents.tolist() == [1234, -123456, 100]
