"""Event logs as records, counted while they are read; and records that are no events of a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.event_logs import LoggedEvent
from workshop.ingest import log_publishing, replay
from workshop.ingest.event_log_rows import Reading
from workshop.ingest.log_publishing import publish_log, replay_log
from workshop.ingest.publications import Publication
from workshop.ingest.replay import Batch
from workshop.kafka.handle import Kafka

READING = Reading("case", "at", "act")
TEXT = "case,act,at\n1,A,2024-01-02\n2,A,2024-01-03\n1,B,rubbish\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(TEXT)
    return path


def test_records_are_those_of_the_events_and_are_counted_once_however_often_they_are_read(file: Path):
    log = log_publishing._Log(READING, None)
    prepared = log.prepare(file)
    for _ in range(2):
        records = [record for part in log.parts(prepared, 1) for record in part.records]
    assert [(key, LoggedEvent.parse(value).activity, headers[0]) for key, value, _, headers in records] == [
        (b"1", "A", ("type", b"A")),
        (b"2", "A", ("type", b"A")),
    ]
    assert (log.totals.events, len(log.totals.cases)) == (2, 2)
    assert log.first_refused is not None
    assert log.first_refused.line == 4


def test_a_file_that_was_published_before_is_counted_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch):
    done = Publication(2, 1, 0.1, 3)
    monkeypatch.setattr(
        log_publishing, "publish_file", lambda ws, path, topic, progress, log: log.prepare(path) and done
    )
    published = publish_log(Kafka({}), file, "log", READING)
    assert published.publication == done
    assert published.totals.activities == {"A": 2}


def read(monkeypatch: pytest.MonkeyPatch, *batches: Batch) -> list[LoggedEvent]:
    monkeypatch.setattr(replay, "batches", lambda ws, topic: ((batch, 1.0) for batch in batches))
    return replay_log(Kafka({}), "log")


def event(name: str) -> bytes:
    return LoggedEvent.parse(f'{{"case": "c", "type": "{name}", "at": "2024-01-02", "event_id": "e"}}'.encode()).value()


def test_events_come_in_the_order_of_their_partitions_and_offsets(monkeypatch: pytest.MonkeyPatch):
    batches = [Batch([event("d"), event("b")], [1, 0], [0, 7]), Batch([event("a"), event("e")], [0, 1], [2, 10])]
    assert [one.activity for one in read(monkeypatch, *batches)] == ["a", "b", "d", "e"]


@pytest.mark.parametrize("value", [None, b"{}", b"rubbish"])
def test_a_record_that_is_no_event_is_told_by_its_place(value: bytes | None, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(WorkshopError, match="The record at offset 7 of partition 1 of 'log' is no event of a log"):
        read(monkeypatch, Batch([value], [1], [7]))
