"""Logs as companies have them: what is read, to the cent and in order, and what is refused in which words."""

from __future__ import annotations

import gzip
import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.base.errors import WorkshopError
from workshop.domain.amounts import Unreadable, cents
from workshop.ingest.dates import moment
from workshop.ingest.payment_rows import Rows, read
from workshop.ingest.tabular import fingerprint
from workshop.ingest.values import amounts

HEADER = "TX_DATETIME,CUSTOMER_ID,TX_AMOUNT"
NOON = "2018-04-01 12:00:00"


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def only(path: Path) -> Rows:
    """The one chunk of a small file."""
    (found,) = read(path)
    return found


def taken(tmp_path: Path, *lines: str, header: str = HEADER) -> Rows:
    return only(written(tmp_path / "log.csv", "\n".join([header, *lines, ""])))


AMOUNTS = {
    "12.34": 1234,
    "12": 1200,
    "12.3": 1230,
    "12.": 1200,
    ".5": 50,
    "0": 0,
    "-0.00": 0,
    "+7.10": 710,
    "-12.34": -1234,
    "−12.34": -1234,
    "(12.00)": -1200,
    "12.00-": -1200,
    "($1,234.56)": -123456,
    "€ 1.234,56": 123456,
    "-€ 1.234,56": -123456,
    "€-12.00": -1200,
    "$1,234.56": 123456,
    "US$ 1,234.56": 123456,
    "1 234,56 EUR": 123456,
    "1\u202f234,56\u00a0€": 123456,
    "1'234.50": 123450,
    "CHF 12.-": 1200,
    "CHF -12.-": -1200,
    "12,5": 1250,
    "1,234,567": 123456700,
    "1.234.567,89": 123456789,
    "3500000.00": 350000000,
    "12.340000001": 1234,
    "4.4e-16": 0,
    "1.2e3": 120000,
    "0.30000000000000004": 30,
    "12.3400": 1234,
    "1,23,456.00": 12345600,
    "١٢": 1200,
}


@pytest.mark.parametrize(("text", "worth"), AMOUNTS.items())
def test_an_amount_is_read_to_the_cent_however_it_is_written(text: str, worth: int, tmp_path: Path) -> None:
    assert cents(text) == worth
    assert taken(tmp_path, f'{NOON},a,"{text}"').cents.tolist() == [worth]


@pytest.mark.parametrize(
    ("text", "reason"),
    {
        "": "there is no amount",
        "  ": "there is no amount",
        "NaN": "is not a number",
        "inf": "is not a number",
        "-Infinity": "is not a number",
        "twelve": "is not a number",
        "12.345": "two ways",
        "1.000": "two ways",
        "1234.567": "more than two decimals",
        "0.001": "more than two decimals",
        "1,234": "two ways",
        "€ 12,345": "two ways",
        "1.2.3": "is not a number",
        "--5": "is not a number",
        "(-5)": "two signs",
        "-5-": "two signs",
        "(5": "is not a number",
        "5)": "is not a number",
        "1e400": "too large",
        "99999999999999999": "too large",
        "10000000000000.00": "too large",
        "9" * 5000: "is not a number",
    }.items(),
)
def test_an_amount_that_cannot_be_meant_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    (refused,) = taken(tmp_path, f'{NOON},a,"{text}"').refused
    assert reason in refused.reason
    assert refused.line == 2


def grouped(whole: int, separator: str) -> str:
    return f"{whole:,}".replace(",", separator)


FORMATS = {
    "plain": lambda s, w, d: f"{s}{w}.{d}",
    "accounting": lambda s, w, d: f"({w}.{d})" if s else f"{w}.{d}",
    "trailing": lambda s, w, d: f"{w}.{d}{s}",
    "dollar": lambda s, w, d: f"{s}${grouped(w, ',')}.{d}",
    "euro before": lambda s, w, d: f"{s}€ {grouped(w, '.')},{d}",
    "euro after": lambda s, w, d: f"{s}{grouped(w, ' ')},{d} EUR",
    "narrow": lambda s, w, d: f"{s}{grouped(w, chr(0x202F))},{d}\u00a0€",
    "swiss": lambda s, w, d: f"CHF {s}{grouped(w, chr(39))}.{d}",
    "comma": lambda s, w, d: f"{s}{w},{d}",
}


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(FORMATS)))
def test_every_format_gives_the_same_cents(worth: int, name: str) -> None:
    whole, rest = divmod(abs(worth), 100)
    assert cents(FORMATS[name]("-" if worth < 0 else "", whole, f"{rest:02d}")) == worth


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=50))
def test_in_bulk_amounts_are_what_they_are_one_by_one(worths: list[int]) -> None:
    texts = [str(Decimal(worth) / 100) for worth in worths]
    assert amounts(pa.array(texts))[0].tolist() == worths
    assert amounts(pa.array([worth / 100 for worth in worths]))[0].tolist() == worths


TIMES = {
    "2018-04-01 00:07:56": datetime(2018, 4, 1, 0, 7, 56),
    "2018-04-01T00:07:56": datetime(2018, 4, 1, 0, 7, 56),
    "2018-04-01T00:07:56Z": datetime(2018, 4, 1, 0, 7, 56),
    "2018-04-01T00:07:56.5+02:00": datetime(2018, 3, 31, 22, 7, 56, 500_000),
    "2018-04-01 00:07:56.123456 UTC": datetime(2018, 4, 1, 0, 7, 56, 123_000),
    "2018-04-01 00:07:56-0530": datetime(2018, 4, 1, 5, 37, 56),
    "2018-04-01T00:07+01": datetime(2018, 3, 31, 23, 7),
    "2018/4/1 9:05": datetime(2018, 4, 1, 9, 5),
    "2018-04-01": datetime(2018, 4, 1),
    " 2018-04-01 00:07:56 ": datetime(2018, 4, 1, 0, 7, 56),
    "2018-04-01 01:00 PM": datetime(2018, 4, 1, 13),
    "25/12/2018 10:00": datetime(2018, 12, 25, 10),
}


@pytest.mark.parametrize(("text", "at"), TIMES.items())
def test_a_time_becomes_utc(text: str, at: datetime, tmp_path: Path) -> None:
    assert taken(tmp_path, f"{text},a,1.00").at.tolist() == [at]


@pytest.mark.parametrize(
    ("text", "reason"),
    {
        "": "there is no time",
        "03/04/2018": "either way round",
        "3.4.18": "either way round",
        "2018-02-30 00:00:00": "does not exist",
        "2018-04-01 25:00:00": "does not exist",
        "2018-04-01 13:00 PM": "does not exist",
        "1522540800": "is not written as",
        "yesterday": "is not written as",
        "1969-12-31 23:59:59": "not between 1970 and 2200",
        "9999-12-31 23:59:59": "not between 1970 and 2200",
        "0001-01-01T00:00:00+14:00": "not between 1970 and 2200",
    }.items(),
)
def test_a_time_that_cannot_be_meant_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    found = taken(tmp_path, f"{NOON},a,1.00", f"{text},b,1.00", f"{NOON},c,1.00")
    assert found.customer == ["a", "c"]
    assert reason in found.refused[0].reason
    assert found.refused[0].line == 3


@given(st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_a_zone_moves_the_clock_and_not_the_moment(at: datetime, minutes: int) -> None:
    aware = at.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert moment(aware.isoformat()) == aware.timestamp() * 1000


def test_equal_rows_and_repeated_ids_all_stay(tmp_path: Path) -> None:
    found = taken(tmp_path, *[f"{NOON},a,1.00,7"] * 3, f"{NOON},a,1.00,", header=f"{HEADER},TRANSACTION_ID")
    assert found.payment_id == ["7", "7", "7", f"{fingerprint(tmp_path / 'log.csv')[:12]}-5"]
    assert found.cents.tolist() == [100] * 4


def test_names_of_nothing_are_names_and_a_missing_customer_is_refused(tmp_path: Path) -> None:
    names = ["NA", "null", "None", "nan", "", "  ", "007", "Ünal & Søn"]
    found = taken(tmp_path, *[f"{NOON},{name},1.00" for name in names])
    assert found.customer == ["NA", "null", "None", "nan", "007", "Ünal & Søn"]
    assert [(row.line, row.reason) for row in found.refused] == [
        (6, "there is no CUSTOMER_ID"),
        (7, "there is no CUSTOMER_ID"),
    ]


def test_a_terminal_may_be_unknown(tmp_path: Path) -> None:
    found = taken(tmp_path, f"{NOON},a,1.00,t", f"{NOON},a,1.00,", header=f"{HEADER},TERMINAL_ID")
    assert found.terminal == ["t", None]
    assert taken(tmp_path, f"{NOON},a,1.00").terminal == [None]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    text = f'\r\n{HEADER}\r\n\r\n{NOON},"two\r\nlines",1.00\r\n{NOON},b,x\r\n\r\n{NOON},c\r\n{NOON},d,2.00'
    found = only(written(tmp_path / "log.csv", text, "utf-8-sig"))
    assert found.customer == ["two\r\nlines", "d"]
    assert found.payment_id[0].endswith("-4")
    assert [(row.line, row.raw) for row in found.refused] == [(6, f"{NOON},b,x"), (8, f"{NOON},c")]
    assert "2 fields" in found.refused[1].reason


def test_a_stray_quotation_mark_costs_its_own_line_only(tmp_path: Path) -> None:
    lines = [f"{NOON},a{i},1.00" for i in range(200)]
    lines[50] = f'{NOON},"a50,1.00'
    lines[199] = f'{NOON},"a"199,1.00'
    found = taken(tmp_path, *lines)
    assert len(found.customer) == 198
    assert [(row.line, row.raw) for row in found.refused] == [(52, lines[50]), (201, lines[199])]


def test_chunks_keep_order_and_line_numbers(tmp_path: Path) -> None:
    lines = [f"{NOON},c{i},{i}.00" if i % 7 else f'{NOON},"c{i},\n{i}.00' for i in range(1, 101)]
    path = written(tmp_path / "log.csv", "\n".join([HEADER, *lines]))
    whole = only(path)
    parts = list(read(path, chunk=9))
    assert [one for part in parts for one in part.customer] == whole.customer
    assert [one for part in parts for one in part.payment_id] == whole.payment_id
    assert [one for part in parts for one in part.refused] == whole.refused
    assert {len(part.customer) + len(part.refused) for part in parts[:-1]} == {9}
    assert parts[-1].share == 1.0


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_what_separates_the_columns_is_seen_in_the_header(separator: str, tmp_path: Path) -> None:
    lines = (HEADER, f'{NOON},a,"1.00"')
    found = only(written(tmp_path / "log.csv", "\n".join(line.replace(",", separator) for line in lines)))
    assert found.cents.tolist() == [100]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_seen(encoding: str, tmp_path: Path) -> None:
    found = only(written(tmp_path / "log.csv", f"{HEADER}\n{NOON},Zoë,€ 5\n", encoding))
    assert (found.customer, found.cents.tolist()) == (["Zoë"], [500])


def test_a_name_in_another_encoding_is_a_name(tmp_path: Path) -> None:
    found = only(written(tmp_path / "log.csv", f"{HEADER}\n{NOON},Zoë,5\n{NOON},b,5\n", "latin-1"))
    assert found.customer == ["Zoë", "b"]


def test_a_damaged_line_of_a_text_in_utf_8_is_refused_by_itself(tmp_path: Path) -> None:
    lines = [f"{NOON},Zoë,5\n".encode(), f"{NOON},".encode() + b"Zo\xeb,5\n", f"{NOON},Žofie,6\n".encode()]
    (tmp_path / "log.csv").write_bytes(f"{HEADER}\n".encode() + b"".join(lines))
    found = only(tmp_path / "log.csv")
    assert found.customer == ["Zoë", "Žofie"]
    assert [(row.line, row.reason) for row in found.refused] == [(3, "it is not UTF-8 text")]
    assert found.refused[0].raw == f"{NOON},Zo\\xeb,5"


def test_letters_that_were_lost_before_are_refused(tmp_path: Path) -> None:
    found = taken(tmp_path, f"{NOON},Zo\ufffd,1.00", f"{NOON},b,1.00")
    assert found.customer == ["b"]
    assert "lost before" in found.refused[0].reason


def test_a_log_may_be_packed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{NOON},a,1.00\n".encode()))
    assert only(path).cents.tolist() == [100]


def parquet(tmp_path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    return tmp_path / "log.parquet"


def test_parquet_with_numbers_is_exact(tmp_path: Path) -> None:
    amounts = [0.29, 1.1, -3.3, math.nan, math.inf, 1.005, 0.1 + 0.2, None, 1e300, 3_500_000.55]
    path = parquet(
        tmp_path,
        TX_DATETIME=pa.array([datetime(2018, 4, 1)] * 10, pa.timestamp("ns", "Europe/Paris")),
        CUSTOMER_ID=list(range(10)),
        TERMINAL_ID=[1.0, None, *[3.0] * 8],
        TX_AMOUNT=amounts,
        TRANSACTION_ID=[100 + i for i in range(10)],
    )
    found = only(path)
    assert found.cents.tolist() == [29, 110, -330, 30, 350000055]
    assert found.customer == ["0", "1", "2", "6", "9"]
    assert found.terminal[:3] == ["1", None, "3"]
    assert found.payment_id[0] == "100"
    assert found.at[0] == np.datetime64("2018-04-01T00:00")
    assert [row.line for row in found.refused] == [4, 5, 6, 8, 9]
    assert '"CUSTOMER_ID": 3' in found.refused[0].raw


def test_parquet_with_text_decimals_and_days_is_exact(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        TX_DATETIME=[date(2018, 4, 1), None],
        CUSTOMER_ID=pa.array(["NA", "b"]).dictionary_encode(),
        TX_AMOUNT=pa.array([Decimal("12.3400"), Decimal("1")], pa.decimal128(20, 4)),
    )
    found = only(path)
    assert (found.customer, found.cents.tolist()) == (["NA"], [1234])
    assert found.payment_id == [f"{fingerprint(path)[:12]}-1"]
    assert "time is missing" in found.refused[0].reason


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "its columns are: a, b"),
        (b"PK\x03\x04 a workbook", "workbook"),
        (b"\x00\x01\x02", "neither text nor Parquet"),
        (b"PAR1 and no more", "cannot be read"),
        (gzip.compress(HEADER.encode() * 100, mtime=0)[:-9], "its end is missing"),
        (b"\n\n", "its columns are: none"),
        (f"{HEADER},TX_AMOUNT\n".encode(), "TX_AMOUNT more than once"),
    ],
)
def test_a_file_that_is_no_log_is_told_in_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(WorkshopError, match=sentence):
        list(read(tmp_path / "log"))


def test_a_missing_file_or_a_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(WorkshopError):
            list(read(path))


def test_a_log_without_rows_has_no_chunks(tmp_path: Path) -> None:
    assert list(read(written(tmp_path / "log.csv", HEADER))) == []


def test_one_value_alone_says_why() -> None:
    with pytest.raises(Unreadable, match=r"as 12\.345 or 12345: use --decimal"):
        cents("12.345")
    with pytest.raises(Unreadable, match="two decimals"):
        cents("12.345", ".")
    assert cents("12.345", ",") == 1234500
