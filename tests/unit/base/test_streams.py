"""Standard streams that are closed, or whose encoding lacks a sign."""

from __future__ import annotations

import codecs
import os
import subprocess
import sys

import pytest
from workshop.base import streams


@pytest.fixture(autouse=True)
def registered() -> None:
    codecs.register_error(streams.PLAIN, streams._plain)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("é", "e"),
        ("✓ done", "+ done"),
        ("→", "->"),
        ("«\u00a0oui\u00a0»", '" oui "'),
        ("…", "..."),
        ("5 €", "5 EUR"),
        ("☃", "?"),
        ("日本", "??"),
        ("ﬁ", "f"),
    ],
)
def test_a_sign_that_an_encoding_lacks_is_written_in_a_plain_form(text: str, plain: str):
    assert text.encode("ascii", streams.PLAIN).decode() == plain


def test_every_replacement_is_plain():
    assert all(plain.isascii() for plain in (*streams.SIGNS.values(), *streams.QUOTES.values()))


def test_an_encoding_that_has_the_sign_keeps_it():
    assert "é →".encode("latin-1", streams.PLAIN) == "é ->".encode("latin-1")


def test_bytes_that_are_no_text_stay_an_error():
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", streams.PLAIN)


def test_what_is_written_to_a_silenced_descriptor_goes_nowhere():
    reading, writing = os.pipe()
    try:
        streams.silence(writing)
        os.write(writing, b"lost")
        assert os.read(reading, 10) == b""
    finally:
        os.close(reading)
        os.close(writing)


def test_silencing_a_descriptor_twice_or_an_impossible_one_is_no_error():
    streams.silence(-1)


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_file_does_not_take_the_place_of_a_closed_stream(closing: str, tmp_path: os.PathLike):
    code = (
        "from workshop.base import streams\n"
        "streams.prepare()\n"
        "file = open('file', 'w')\n"
        "assert file.fileno() > 2\n"
        "print('out')\n"
        "streams.flush()\n"
        "file.write('whole')\n"
    )
    command = f'exec "$0" -c "$1" {closing}'
    done = subprocess.run(["/bin/sh", "-c", command, sys.executable, code], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0
    with open(os.path.join(tmp_path, "file")) as file:
        assert file.read() == "whole"


def test_a_reader_that_has_left_is_an_error_of_flush():
    code = (
        "import sys\n"
        "from workshop.base import streams\n"
        "streams.prepare()\n"
        "print('for nobody')\n"
        "try:\n"
        "    streams.flush()\n"
        "except BrokenPipeError:\n"
        "    streams.silence(1)\n"
        "    sys.exit(7)\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    try:
        buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
        done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, env=buffered)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr.decode()) == (7, "")
