"""Texts in any encoding: read without a lost letter, and said; what cannot be told is refused with the option."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.cli.data import known_activities
from workshop.ingest.event_log_rows import Reading
from workshop.ingest.hints import Hints
from workshop.ingest.prepared import prepare

from .logs import READING, event_log, written

WORDS = {
    "windows-1252": [
        ("Demande créée au guichet", "Orléans", "payé 15,00 €", "Refusé à l’accueil"),
        ("père", "Besançon"),
        ("Prüfung", "Übergabe an Müller", "groß"),
        ("Revisión", "año"),
        ("Solicitação", "São João"),
        ("Ansøgning modtaget", "Århus"),
        ("Ärende", "Stängd"),
        ("Zoë",),
        ("15,00 €",),
        ("£12.50",),
        ("20°C",),
        ("ÉTÉ", "REFUSÉ À L'ACCUEIL"),
        ("Müller", "François", "Peña"),
        ("Clôture œuvre",),
    ],
    "windows-1250": [
        ("Złożenie wniosku", "Łódź", "Wysłano żądanie"),
        ("Příjem žádosti", "Vyřízení účtu"),
        ("Győr", "Ügyfél"),
    ],
    "windows-1251": [("Заявка принята", "Отказано")],
    "windows-1253": [("Αίτηση", "υπόθεση")],
    "windows-1254": [("Başvuru alındı", "İstanbul şubesi")],
    "iso8859-15": [("payé 15,00 €", "Orléans")],
    "iso8859-2": [("Złożenie wniosku", "Łódź", "Wysłano żądanie ąę")],
    "mac-roman": [("Demande créée", "père")],
    "cp850": [("Demande créée", "père")],
    "koi8-u": [("Заявка принята", "Отказано")],
    "cp932": [("受付", "確認済み")],
    "gb18030": [("已付款", "订单已创建", "上海")],
    "cp949": [("접수 완료", "서울특별시")],
}


@pytest.mark.parametrize(("encoding", "words"), [(name, words) for name, many in WORDS.items() for words in many])
def test_an_encoding_is_told_by_its_letters(encoding: str, words: tuple[str, ...], tmp_path: Path) -> None:
    text = "\n".join(["case,act,at,note", *(f"c,{word.replace(',', '.')},2024-01-02,x" for word in words)])
    path = written(tmp_path / "log.csv", text, encoding)
    assert [event.activity for event in event_log(path).events] == [word.replace(",", ".") for word in words]
    prepared = prepare(path, READING.columns())
    assert [note for note in prepared.notes if "encoding" in note]
    assert "encoding" in prepared.reading


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_a_unicode_text_is_read_with_or_without_its_mark(encoding: str, tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", "case;act;at\r\nÉ1;créée €;2024-01-02\r\n", encoding)
    assert [(event.case, event.activity) for event in event_log(path).events] == [("É1", "créée €")]


def test_a_mark_of_the_other_byte_order_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", b"\xfe\xff" + "case;act;at\nÉ1;créée;2024-01-02\n".encode("utf-16-be"))
    assert event_log(path).events[0].case == "É1"


def test_an_accented_header_is_named_however_its_accents_are_written(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", "Dossier;Étape;Créé le\n1;Début;31/12/2023\n", "windows-1252")
    for name in ("Étape", "E\u0301tape"):
        assert event_log(path, Reading("Dossier", "Créé le", name)).events[0].activity == "Début"


def test_an_encoding_that_cannot_be_told_is_refused_until_it_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", b"case,act,at\n1,\x81\x8d\x90,2024-01-02\n")
    with pytest.raises(WorkshopError, match="encoding cannot be determined") as error:
        event_log(path)
    assert "--encoding" in str(error.value)
    assert event_log(path, encoding="cp866").events[0].activity == "БНР"


@pytest.mark.parametrize(
    ("name", "words"),
    [("klingon", "not the name of an encoding"), ("rot13", "not the name"), ("ascii", "is not text in ascii")],
)
def test_a_wrong_encoding_is_refused_in_a_sentence(name: str, words: str, tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", "case,act,at\n1,créée,2024-01-02\n")
    with pytest.raises(WorkshopError, match=words):
        event_log(path, encoding=name)


def test_an_encoding_that_is_said_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", "case,act,at\n1,řeka,2024-01-02\n", "windows-1250")
    assert event_log(path, encoding="Windows-1250").events[0].activity == "řeka"
    assert "as given" in prepare(path, READING.columns(), Hints(encoding="cp1250")).notes[0]


def test_known_activities_may_be_in_any_encoding(tmp_path: Path) -> None:
    path = written(tmp_path / "known.txt", "Début\nClôture\n", "windows-1252")
    assert known_activities(str(path)) == {"Début", "Clôture"}
