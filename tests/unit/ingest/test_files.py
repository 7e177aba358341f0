"""What a file is shows its content: tables of text, JSON, workbooks, archives; everything else is refused in a sentence."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.cli.fraud import read_labels
from workshop.domain.event_logs import Totals
from workshop.ingest import lines
from workshop.ingest.event_log_rows import Reading
from workshop.ingest.hints import Hints
from workshop.ingest.prepared import prepare

from .logs import READING, accepted, event_log, refusal, written
from .workbooks import DATE, workbook

ROWS = "case,act,at\n1,A,2024-01-02 10:00:00\n2,B,2024-01-03\n"
ZIP_OF_ONE = {"log.csv": ROWS, "__MACOSX/._log.csv": "rubbish", "folder/": "", ".DS_Store": "rubbish"}


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    """An archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def told(path: Path, **hints: object) -> str:
    """The sentences with which an event log is refused."""
    with pytest.raises(WorkshopError) as error:
        event_log(path, **hints)
    assert str(error.value).isprintable()
    return str(error.value)


def test_packed_texts_are_read(tmp_path: Path) -> None:
    for path in (
        zipped(tmp_path / "log.zip", ZIP_OF_ONE),
        written(tmp_path / "log.gz", gzip.compress(ROWS.encode())),
        written(tmp_path / "log.xlsx", gzip.compress(ROWS.encode())),
    ):
        assert [event.case for event in event_log(path).events] == ["1", "2"]
    assert "Read from log.csv in log.zip." in prepare(tmp_path / "log.zip", READING.columns()).notes


TABLES = {
    "blanks": "case act at\n1 A 2024-01-02T10:00:00\n2  B   2024-01-03\n",
    "blanks before and behind": "  case  act  at \n  00001 A 20240102 \n 2 B 20240103\n",
    "wide blanks": "case  act    at\n1     A      2024-01-02 10:00:00\n2     B x    2024-01-03 00:00:00\n",
    "tabs and blanks": "case\tact at\n1 A\t2024-01-02\n2 B 2024-01-03\n",
    "tabs": "case\tact\tat\n1\tA\t2024-01-02 10:00\n2\tB\t2024-01-03\n",
    "bars": "case|act|at\n1|A|2024-01-02\n2|B|2024-01-03\n",
    "a line that names the sign": "sep=;\ncase;act;at\n1;A;2024-01-02\n2;B;2024-01-03\n",
    "a blank in a header": "case,act,at,the note\n1,A,2024-01-02,x\n2,B,2024-01-03,y\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_what_separates_the_columns_is_seen(text: str, tmp_path: Path) -> None:
    found = event_log(written(tmp_path / "log.txt", text))
    assert found.refused == []
    assert [event.at.day for event in found.events] == [2, 3]


def test_a_sign_of_its_own_and_a_missing_header_are_said(tmp_path: Path) -> None:
    path = written(tmp_path / "log.txt", "case~act~at\n1~A~2024-01-02\n")
    assert "case~act~at" in told(path)
    assert "--delimiter" in told(path)
    assert event_log(path, delimiter="~").events[0].activity == "A"
    path = written(tmp_path / "log.txt", " 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n")
    bought = Reading("id", "date", event="Bought")
    found = event_log(path, bought, header=("id", "date", "count", "amount"))
    assert [(e.case, e.at, e.fields["amount"]) for e in found.events] == [
        ("00001", datetime(1997, 1, 1, tzinfo=UTC), "11.77"),
        ("00002", datetime(1997, 1, 12, tzinfo=UTC), "12.00"),
    ]


def test_json_lines_are_rows_and_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    text = (
        '{"case": 1, "act": "A", "at": "2024-01-01T10:00:00Z", "n": 1.50, "yes": true, "none": null, "in": {"a": [1]}}\n\n'
        '{"case": "007", "act": "É", "at": "2024-01-02", "big": 12345678901234567890123}\n'
        "{broken\n[1]\n"
    )
    found = event_log(written(tmp_path / "log", text))
    assert [event.case for event in found.events] == ["1", "007"]
    assert found.events[0].fields == {"n": "1.50", "yes": "true", "in": '{"a": [1]}'}
    assert found.events[1].fields == {"big": "12345678901234567890123"}
    assert [(row.line, row.raw) for row in found.refused] == [(4, "{broken"), (5, "[1]")]


def test_a_json_array_is_rows_however_it_is_laid_out(tmp_path: Path) -> None:
    rows = [{"case": f"c{i}", "act": "}],{", "at": "2024-01-02"} for i in range(3_000)]
    for indent in (None, 2):
        path = written(tmp_path / "log.json", " " + json.dumps(rows, indent=indent))
        assert [event.case for event in event_log(path).events] == [row["case"] for row in rows]
    assert "damaged at object 3,000" in told(written(tmp_path / "log.json", json.dumps(rows)[:-20]))
    assert "holds no rows" in told(written(tmp_path / "log.json", "[]"))
    assert "holds no rows" in told(written(tmp_path / "log.json", json.dumps({"rows": rows[:2]}, indent=2)))


def test_amounts_in_json_are_exact_beside_ambiguous_texts(tmp_path: Path) -> None:
    def payment(amount: str) -> str:
        return f'{{"TX_DATETIME": "2024-01-02", "CUSTOMER_ID": 1, "TX_AMOUNT": {amount}}}\n'

    path = written(
        tmp_path / "log.jsonl", "".join(map(payment, ["12.34", "1.500", "-3", '"12,50"', '"1.500"', "1.005"]))
    )
    _, found = accepted(path)
    assert found.cents.tolist() == [1234, 150, -300, 1250, 150000]
    assert "'1.005' has more than two decimals" in found.refused[0].reason
    assert "two ways" in refusal(written(tmp_path / "log.jsonl", payment("12.34") + payment('"1.500"')))


SHEET = [
    [None, None, None],
    ["TX_DATETIME", "CUSTOMER_ID", "TX_AMOUNT", "TRANSACTION_ID"],
    [(DATE, 45293.416666666664), "000123", 12.34, 12345.0],
    [45294.5, 77.0, 1234.565, "007"],
    ["31/12/2023 23:59", "a", "1 236,48 €", 1e6],
    ["02/01/2024", "b", "1.000", None],
    [None, None, None],
    [(DATE, 45293.999999999), "c", 1000, True],
    [None, None, "  "],
]


def test_a_sheet_is_read_as_it_is_shown(tmp_path: Path) -> None:
    prepared, found = accepted(workbook(tmp_path / "log.csv", {"Payments": SHEET}))
    assert found.customer == ["000123", "a", "b", "c"]
    assert found.at.tolist() == [
        datetime(2024, 1, 2, 10),
        datetime(2023, 12, 31, 23, 59),
        datetime(2024, 1, 2),
        datetime(2024, 1, 3),
    ]
    assert found.cents.tolist() == [1234, 123648, 100000, 100000]
    assert found.payment_id == ["12345", "1000000", f"{prepared.prefix}-6", "true"]
    assert [row.line for row in found.refused] == [4, 9]
    assert "'1234.565' has more than two decimals" in found.refused[0].reason


def test_one_sheet_of_several_is_said_or_chosen(tmp_path: Path) -> None:
    events = [["case", "act", "at"], [1, "A", (DATE, 45293)]]
    path = workbook(
        tmp_path / "log.xlsx", {"Old": events, "Mars": events, "Avril": [events[0], [2, "B", 45294]]}, ("Old",)
    )
    prepared = prepare(path, READING.columns())
    assert "Read from the sheet Mars, the first of 2; --sheet NAME selects another one: Avril." in prepared.notes
    assert event_log(path).events[0].case == "1"
    assert event_log(path, sheet="Avril").events[0].at == datetime(2024, 1, 3, tzinfo=UTC)
    assert "has no sheet 'May'; its sheets are: Old, Mars, Avril" in told(path, sheet="May")


def test_days_of_a_workbook_that_counts_from_1904_are_the_same_days(tmp_path: Path) -> None:
    events = [["case", "act", "at"], [1, "A", (DATE, 45293 - 1462)], [1, "B", 45293 - 1462]]
    path = workbook(tmp_path / "log.xlsx", {"S": events}, base='<workbookPr date1904="1"/>')
    assert [event.at for event in event_log(path).events] == [datetime(2024, 1, 2, tzinfo=UTC)] * 2


def test_what_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = workbook(tmp_path / "log.xlsx", {"S": [["case"]]})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"].decode().replace("</sheetData>", far + "</sheetData>")
    assert "1,048,576 rows and 16,384 columns" in told(zipped(path, members | {"xl/worksheets/sheet1.xml": sheet}))
    monkeypatch.setattr("workshop.ingest.workbook.MOST_BYTES", 1_000_000)
    assert "is too large" in told(zipped(path, members | {"xl/media/bomb.bin": b"0" * 2_000_000}))
    monkeypatch.setattr(lines, "LONGEST", 100_000)
    assert "has more than 100,000 characters" in told(zipped(tmp_path / "log.zip", {"a.csv": ROWS + "x" * 200_000}))


def test_a_chunk_of_long_rows_has_fewer_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "log.csv", "case,act,at,note\n" + f"1,A,2024-01-02,{'x' * 1_000}\n" * 1_000)
    monkeypatch.setattr(lines, "MOST", 200_000)
    sizes = [len(chunk.lines) for chunk in prepare(path, READING.columns()).chunks(30_000)]
    assert sum(sizes) == 1_000
    assert max(sizes) < 400


def tar(folder: Path) -> bytes:
    """A packed archive of one file."""
    written(folder / "a.csv", ROWS)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(folder / "a.csv", "a.csv")
    return stream.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
OTHERS = {
    b"": "is empty",
    gzip.compress(b""): "is empty",
    b"%PDF-1.7\n\xe2\xe3": "is a PDF document. Export the table as CSV",
    OLE: "is an old workbook (.xls) or Office document. Save it as .xlsx or CSV",
    OLE + "EncryptedPackage".encode("utf-16-le"): "is protected by a password. Save it without one",
    b"BZh91AY": "is packed by bzip2. Unpack it",
    b"\xfd7zXZ\x00": "is packed by xz",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive",
    b"SQLite format 3\x00": "is an SQLite database",
    b"\x89PNG\r\n\x1a\n\x00\x00": "is neither text nor Parquet",
    bytes(range(1, 255)): "is neither text nor Parquet",
    b'<?xml version="1.0"?>\n<log xes.version="1.0">': "is an event log in XES. Convert it: pm4py",
    b"<!DOCTYPE html><table>": "is a web page",
    b'<?xml version="1.0"?><Workbook>': "is XML",
    gzip.compress(b'<?xml version="1.0"?>\n<log xes.version="1.0">'): "is an event log in XES",
    gzip.compress(b"PAR1" + bytes(9)): "holds another packed file",
    b"PK\x03\x04 a workbook": "is a workbook or an archive, and it is damaged",
    b"PAR1 and no more": "cannot be read",
}


@pytest.mark.parametrize(("content", "sentence"), OTHERS.items(), ids=[str(i) for i in range(len(OTHERS))])
def test_what_holds_no_rows_is_refused_with_the_way_out(content: bytes, sentence: str, tmp_path: Path) -> None:
    assert sentence in told(written(tmp_path / "log.csv", content))


def test_archives_that_hold_no_one_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    assert "holds 2 files: a.csv, b.csv" in told(zipped(path, {"a.csv": ROWS, "b.csv": ROWS}))
    assert "holds no file" in told(zipped(path, {"folder/": ""}))
    assert "holds another packed file" in told(zipped(path, {"a.xlsx": b"PK\x03\x04"}))
    assert "is an OpenDocument file" in told(
        zipped(path, {"mimetype": "application/vnd.oasis.opendocument.spreadsheet"})
    )
    assert "no workbook" in told(zipped(path, {"[Content_Types].xml": "", "word/document.xml": ""}))
    assert ".xlsb" in told(zipped(path, {"[Content_Types].xml": "", "xl/workbook.bin": ""}))
    assert "is a tar archive" in told(written(path, tar(tmp_path)))
    whole = zipped(path, {"a.csv": ROWS * 1_000}).read_bytes()
    assert "is damaged" in told(written(path, whole[:-30]))
    spoiled = bytearray(whole)
    spoiled[60] ^= 255
    assert "packed" in told(written(path, bytes(spoiled)))
    locked = bytearray(whole)
    locked[whole.rindex(b"PK\x01\x02") + 8] |= 1
    assert "protected by a password" in told(written(path, bytes(locked)))


def test_options_that_say_nothing_about_a_file_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", ROWS)
    assert "--sheet does not apply to it" in told(path, sheet="S")
    path = workbook(tmp_path / "log.xlsx", {"S": [["case", "act", "at"]]})
    assert "--encoding does not apply to it" in told(path, encoding="utf-8")
    assert "--delimiter does not apply to it" in told(path, delimiter=";")


def test_names_with_control_characters_are_shown_escaped_and_short(tmp_path: Path) -> None:
    said = told(written(tmp_path / "log.csv", f"\x1b[31mred,{'x' * 300},at\n"))
    assert "its columns are: \\x1b[31mred, " in said
    assert len(said) < 300
    found = event_log(written(tmp_path / "log.csv", f"case,act,at\n1,\x1b[2J{'y' * 90},2024-01-02\n"))
    assert "\\x1b[2J" in str(Totals.of(found.events))
    assert str(Totals.of(found.events)).replace("\n", "").isprintable()


def test_labels_are_read_from_any_table(tmp_path: Path) -> None:
    path = written(tmp_path / "labels.csv", "TRANSACTION_ID;TX_FRAUD\np;0\nq;1\np;1\n")
    assert read_labels(path).to_dict() == {"p": 1, "q": 1}
    path = workbook(tmp_path / "labels.xlsx", {"S": [["TRANSACTION_ID", "TX_FRAUD"], [7.0, 1], ["007", False]]})
    assert read_labels(path).to_dict() == {"7": 1, "007": 0}
    with pytest.raises(WorkshopError, match="There is no file"):
        read_labels(tmp_path / "none.csv")


def test_the_decision_is_the_same_at_each_call_and_a_plain_file_has_none(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", "case;act;at\n1;créé;02/01/2024\n2;B;31/12/2023\n", "windows-1252")
    readings = {prepare(path, READING.columns(), hints).reading for hints in (Hints(), Hints(dates="day-first"))}
    assert readings == {"encoding windows-1252, dates day-first"}
    assert prepare(written(path, ROWS), READING.columns()).reading == ""
