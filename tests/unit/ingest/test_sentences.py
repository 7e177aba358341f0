"""What can be wrong with a file as a whole: each error is a sentence with a way out."""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
from python_calamine import CalamineError, PasswordError
from workshop.base.errors import WorkshopError
from workshop.ingest.sentences import TAKEN, told

FILE = Path("/data/log.csv")


def sentence(error: BaseException) -> WorkshopError:
    with pytest.raises(WorkshopError) as caught, told(FILE):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "happened"),
    [
        (EOFError(), "log.csv is packed, and its end is missing or damaged."),
        (zlib.error("invalid"), "log.csv is packed, and its end is missing or damaged."),
        (gzip.BadGzipFile(), "log.csv is packed, and its end is missing or damaged."),
        (zipfile.BadZipFile(), "log.csv is packed, and its end is missing or damaged."),
        (FileNotFoundError(), "There is no file /data/log.csv."),
        (PermissionError(13, "Permission denied"), "/data/log.csv cannot be read: Permission denied."),
        (IsADirectoryError(21, "Is a directory"), "/data/log.csv cannot be read: Is a directory."),
        (PasswordError(), "log.csv is protected by a password."),
        (csv.Error("line contains NUL"), "log.csv cannot be read: line contains NUL."),
        (pa.ArrowInvalid("no footer.\nmore lines"), "log.csv cannot be read: no footer."),
        (CalamineError("broken"), "log.csv cannot be read: broken."),
        (MemoryError(), "log.csv cannot be read: MemoryError."),
        (UnicodeError("UTF-16 stream does not start with BOM"), "log.csv cannot be read as text: UTF-16"),
    ],
)
def test_each_error_is_a_sentence_about_the_file(error: BaseException, happened: str):
    found = sentence(error)
    assert found.happened.startswith(happened)
    assert found.next_step.endswith(".")


def test_bytes_that_are_no_text_are_shown_without_control_characters():
    found = sentence(UnicodeDecodeError("utf-8", b"before \x1b[31m\xff after", 12, 13, "invalid start byte"))
    assert "is not text in utf-8" in found.happened
    assert found.happened.isprintable()
    assert "--encoding NAME" in found.next_step


def test_what_the_workbook_reader_panics_with_is_a_sentence_too():
    panic = type("PanicException", (BaseException,), {})
    found = sentence(panic("index out of bounds"))
    assert found.happened == "log.csv cannot be read: index out of bounds."
    assert found.next_step == TAKEN


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError(), WorkshopError("A sentence.")])
def test_everything_else_is_raised_as_it_is(error: BaseException):
    with pytest.raises(type(error)) as caught, told(FILE):
        raise error
    assert caught.value is error


def test_a_long_message_is_cut_and_printable():
    found = sentence(pa.ArrowInvalid("x" * 999 + "\x1b"))
    assert len(found.happened) < 300
    assert found.happened.isprintable()
