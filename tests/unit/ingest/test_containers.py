"""What a file is, by its content: texts, archives, workbooks, and what is refused with a way out."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest.containers import PARQUET, TEXT, WORKBOOK, recognise


def written(folder: Path, content: bytes) -> Path:
    file = folder / "log"
    file.write_bytes(content)
    return file


def archive(folder: Path, *names: str, content: bytes = b"a,b\n1,2\n") -> Path:
    with zipfile.ZipFile(folder / "log.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, content)
    return folder / "log.zip"


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_is_read_packed_or_not_with_the_share_that_was_read(tmp_path: Path, packed: bool):
    text = b"a,b\n" + b"1,2\n" * 50_000
    found = recognise(written(tmp_path, gzip.compress(text, mtime=0) if packed else text))
    assert (found.kind, found.packed, found.head) == (TEXT, packed, text[:8_192])
    with found.open() as (file, share):
        assert file.read() == text
        assert share() == 1.0


def test_the_one_file_of_an_archive_is_read_and_a_systems_own_files_are_not(tmp_path: Path):
    found = recognise(archive(tmp_path, "folder/log.csv", "__MACOSX/._log.csv", ".DS_Store", "folder/Thumbs.db"))
    assert found.member == "folder/log.csv"
    with found.open() as (file, share):
        assert file.read() == b"a,b\n1,2\n"
        assert share() == 1.0


@pytest.mark.parametrize(("content", "kind"), [(b"PAR1....", PARQUET)])
def test_a_parquet_file_is_known_by_its_mark(tmp_path: Path, content: bytes, kind: str):
    assert recognise(written(tmp_path, content)).kind == kind


def test_a_workbook_is_known_by_its_parts(tmp_path: Path):
    assert recognise(archive(tmp_path, "[Content_Types].xml", "xl/worksheets/sheet1.xml")).kind == WORKBOOK


@pytest.mark.parametrize(
    ("names", "happened"),
    [
        (["a.csv", "b.csv"], "log.zip holds 2 files: a.csv, b.csv."),
        ([".DS_Store"], "log.zip holds no file."),
        (["[Content_Types].xml", "xl/worksheets/sheet1.bin"], "is a binary workbook"),
        (["[Content_Types].xml", "word/document.xml"], "is an Office document, and no workbook."),
    ],
)
def test_an_archive_that_is_no_table_is_refused(tmp_path: Path, names: list[str], happened: str):
    with pytest.raises(WorkshopError) as refused:
        recognise(archive(tmp_path, *names))
    assert happened in refused.value.happened
    assert refused.value.next_step


@pytest.mark.parametrize(
    ("content", "happened"),
    [
        (b"", "log is empty."),
        (gzip.compress(b"", mtime=0), "log is empty."),
        (b"%PDF-1.7", "log is a PDF document."),
        (b"SQLite format 3\0", "log is an SQLite database."),
        (b"\0" * 257 + b"ustar" + b"\0" * 300, "log is a tar archive."),
        (gzip.compress(b"PAR1....", mtime=0), "log holds another packed file, a workbook or Parquet."),
        (b"\x89PNG\r\n\x1a\n\0\0", "log is neither text nor Parquet."),
        (b"\xef\xbb\xbf <!DOCTYPE html><table>", "log is a web page, and no table of text."),
        (b"<?xml version='1.0'?><log>", "log is an event log in XES."),
        (b"<rows>", "log is XML, and no table of text."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "log is an old workbook (.xls) or Office document."),
        (b"PK\x03\x04 cut off", "log is a workbook or an archive, and it is damaged."),
        (gzip.compress(b"a,b\n" * 999, mtime=0)[:30], "log is packed, and its end is missing or damaged."),
    ],
)
def test_what_holds_no_rows_is_refused_with_a_way_out(tmp_path: Path, content: bytes, happened: str):
    with pytest.raises(WorkshopError) as refused:
        recognise(written(tmp_path, content))
    assert refused.value.happened == happened
    assert refused.value.next_step


def test_a_password_is_found_also_where_two_blocks_meet(tmp_path: Path):
    envelope = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    filler = b"\0" * ((1 << 20) - len(envelope) - 7)
    content = envelope + filler + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(WorkshopError, match="protected by a password"):
        recognise(written(tmp_path, content))


def test_a_text_in_utf_16_is_a_text(tmp_path: Path):
    assert recognise(written(tmp_path, "a;b\n1;2\n".encode("utf-16"))).kind == TEXT


@pytest.mark.parametrize("name", ["gone", "."])
def test_a_path_that_is_no_file_is_a_sentence(tmp_path: Path, name: str):
    with pytest.raises(WorkshopError):
        recognise(tmp_path / name)
