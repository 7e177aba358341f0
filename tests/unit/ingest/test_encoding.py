"""The encoding of a text: its mark, UTF-8, or what its letters show."""

from __future__ import annotations

import codecs

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest.encoding import UTF_8, Encoding, Scan, given, marked

FRENCH = "Crédit à l’étranger, café crème, élève, où êtes-vous, naïve, forêt, reçu, déjà"


def decided(*blocks: bytes) -> Encoding:
    scan = Scan("log.csv")
    for block in blocks:
        scan.see(block)
    return scan.decide()


@pytest.mark.parametrize("text", ["", "plain", FRENCH, "日本語", "ж"])
def test_utf_8_is_known_also_where_a_block_ends_within_a_character(text: str):
    content = f"{text}\n{text}".encode()
    for cut in range(len(content)):
        assert decided(content[:cut], content[cut:]) == Encoding()


def test_letters_of_one_language_show_the_encoding():
    assert decided(FRENCH.encode("windows-1252")).name in ("cp1252", "windows-1252", "iso-8859-15")
    russian = "Привет, как дела, это обычный русский текст про оплату картой"
    assert codecs.lookup(decided(russian.encode("windows-1251")).name).name == "cp1251"


def test_a_few_damaged_lines_do_not_change_the_encoding_of_a_text():
    good = f"{FRENCH}\n".encode() * 10
    found = decided(good, b"\xe9t\xe9\n", good)
    assert found == Encoding(damaged=True)
    assert found.errors == "surrogateescape"


def test_bytes_that_could_be_two_encodings_are_not_guessed():
    with pytest.raises(WorkshopError, match=r"log\.csv is not UTF-8, and its encoding cannot be determined"):
        decided(b"x\xf5y\n")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("a;b".encode("utf-16"), "utf-16"),
        ("a;b".encode("utf-32"), "utf-32"),
        ("at;card".encode("utf-16-le"), "utf-16-le"),
        ("at;card".encode("utf-16-be"), "utf-16-be"),
        (b"at;card", ""),
        (b"", ""),
        (b"\0\0\0\0\0\0\0\0\0\0", ""),
        (codecs.BOM_UTF8 + b"a", ""),
    ],
)
def test_a_mark_or_every_second_byte_shows_the_encoding(head: bytes, name: str):
    assert marked(head) == name


@pytest.mark.parametrize(("name", "found"), [("UTF8", UTF_8), ("latin1", "iso8859-1"), ("windows-1252", "cp1252")])
def test_the_encoding_that_the_user_names_is_taken(name: str, found: str):
    assert given(name, "log.csv") == Encoding(found, given=True)


@pytest.mark.parametrize(
    "name", ["klingon", "", "base64", "idna", "a\0b", "rot13", "unicode_escape", "raw-unicode-escape"]
)
def test_a_name_that_is_no_encoding_of_texts_is_refused(name: str):
    with pytest.raises(WorkshopError, match=r"is not the name of an encoding\. Names are utf-8"):
        given(name, "log.csv")


def test_the_name_that_is_shown_is_the_one_that_people_use():
    assert str(Encoding()) == "utf-8"
    assert str(Encoding("cp1252")) == "cp1252"
