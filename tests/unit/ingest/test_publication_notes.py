"""The last note of a publication: where a resumed one goes on, or that it begins anew."""

from __future__ import annotations

import json

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest import publication_notes
from workshop.ingest.publication_notes import Note, resume
from workshop.kafka.handle import Kafka

FRESH = Note("topic-1", 30_000, reading="dates day-first")
KEY = b"sha-cards"


def told(monkeypatch: pytest.MonkeyPatch, *notes: dict, empty: bool = False) -> Note:
    values = [(KEY, json.dumps(note).encode()) for note in notes]
    monkeypatch.setattr(publication_notes, "_notes", lambda ws: [(b"other", b"{}"), *values, (b"later", b"{}")])
    monkeypatch.setattr(publication_notes, "_is_empty", lambda ws, topic: empty)
    return resume(Kafka({}), KEY, "log.csv", "cards", FRESH)


NOTE = {"topic_id": "topic-1", "chunk": 7, "accepted": 14, "refused": 2, "reading": "dates day-first"}


def test_a_file_without_a_note_begins_anew(monkeypatch: pytest.MonkeyPatch):
    assert told(monkeypatch) == FRESH


def test_the_last_note_counts_with_the_chunks_of_its_own_publication(monkeypatch: pytest.MonkeyPatch):
    found = told(monkeypatch, {**NOTE, "accepted": 7}, {**NOTE, "complete": True, "sha256": "more"})
    assert found == Note("topic-1", 7, 14, 2, True, "dates day-first")
    assert found.rows == 16


def test_a_topic_that_was_made_anew_begins_anew(monkeypatch: pytest.MonkeyPatch):
    assert told(monkeypatch, {**NOTE, "topic_id": "topic-0"}) == FRESH


def test_a_topic_that_was_emptied_begins_anew(monkeypatch: pytest.MonkeyPatch):
    assert told(monkeypatch, NOTE, empty=True) == FRESH


@pytest.mark.parametrize(("reading", "said"), [("dates month-first", r": dates month-first\."), ("", r"another way\.")])
def test_a_file_that_was_read_in_another_way_is_refused(reading: str, said: str, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(WorkshopError, match=said):
        told(monkeypatch, {**NOTE, "reading": reading})


def test_an_old_note_without_a_reading_is_one_of_another_reading(monkeypatch: pytest.MonkeyPatch):
    old = {name: value for name, value in NOTE.items() if name != "reading"}
    with pytest.raises(WorkshopError, match="read in another way"):
        told(monkeypatch, old)


def test_a_reading_does_not_matter_before_the_first_row(monkeypatch: pytest.MonkeyPatch):
    assert told(monkeypatch, {**NOTE, "accepted": 0, "refused": 0, "reading": ""}).rows == 0
