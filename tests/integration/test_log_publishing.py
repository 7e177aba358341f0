"""Real event logs, published and replayed: the expected counts, and each event once, also after interruptions."""

from __future__ import annotations

import collections
import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import workshop
from kafka import KafkaProducer
from workshop.base.errors import WorkshopError
from workshop.cli import main
from workshop.domain.event_logs import LoggedEvent, Totals
from workshop.domain.healthcare import patient_event
from workshop.domain.healthcare.patient_file import files
from workshop.domain.retail.projections import Sums, sums
from workshop.domain.retail.tills import lines_sold
from workshop.ingest import publications
from workshop.ingest.event_log_rows import Reading
from workshop.ingest.log_publishing import publish_log, replay_log
from workshop.kafka import admin as kafka_admin
from workshop.kafka.consume import read_all
from workshop.kafka.topics import DEAD_LETTERS

SEPSIS = Reading("case_id", "timestamp", "activity")
TILLS = Reading("basket_id", "transaction_timestamp", event="LineSold")
COMMITTED = {"isolation_level": "read_committed"}
HEADER, NOON = "case,what,when", "2018-04-01 12:00:00"
MINE = Reading("case", "when", "what")


@pytest.fixture
def topic(ws: workshop.Connection) -> Iterator[str]:
    """Yield an unused topic name; delete the topic at the end."""
    name = f"log-{uuid.uuid4().hex[:8]}"
    yield name
    kafka_admin.delete_topics(ws.kafka, lambda there: there in (name, name + DEAD_LETTERS))


def data(ws: workshop.Connection, name: str) -> Path:
    return ws.settings.root / "data" / name


def log(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([HEADER, *lines, ""]))
    return path


def test_the_sepsis_log_has_the_published_numbers_when_it_is_replayed(ws: workshop.Connection, topic: str) -> None:
    found = publish_log(ws, data(ws, "sepsis.csv.gz"), topic, SEPSIS)
    again = publish_log(ws, data(ws, "sepsis.csv.gz"), topic, SEPSIS)
    replayed = replay_log(ws, topic)
    totals = Totals.of(replayed)
    assert (found.publication.accepted, found.publication.refused, found.unnamed) == (15_214, 0, 24)
    assert (again.publication.already, again.totals, again.unnamed) == (15_214, found.totals, 24)
    assert totals == found.totals
    assert (totals.events, len(totals.cases), totals.cases["NA"]) == (15_214, 1_050, 24)
    for activity, count in {"ER Triage": 1_053, "IV Antibiotics": 823, "Return ER": 294}.items():
        assert totals.activities[activity] == count
    assert len({event.event_id for event in replayed}) == 15_214
    assert len(files(map(patient_event, replayed))) == 1_050


def test_the_tills_have_the_published_sums_when_they_are_replayed(ws: workshop.Connection, topic: str) -> None:
    publish_log(ws, data(ws, "complete_journey_transactions_sample.csv.gz"), topic, TILLS)
    assert sums(lines_sold(replay_log(ws, topic))) == Sums(75_000, 47_243, 2_377, 20_902, 23_393_524, 416)


def test_a_case_lies_in_one_partition_in_order_and_each_record_has_the_events_time(
    ws: workshop.Connection, topic: str, tmp_path: Path
) -> None:
    lines = [f"{case},step {number},2018-04-01 12:{number:02d}:00" for number in range(20) for case in ("NA", "", "é")]
    path = log(tmp_path / "log.csv", *lines)
    publish_log(ws, path, topic, Reading("case", "when", "what", empty_case="nobody"))
    records = read_all(ws, topic, **COMMITTED)
    partitions = collections.defaultdict(set)
    for record in records:
        event = LoggedEvent.parse(record.value)
        partitions[record.key].add(record.partition)
        assert (record.timestamp, record.key) == (event.timestamp_ms(), event.key())
        assert dict(record.headers)["type"] == event.activity.encode()
    assert set(partitions) == {b"NA", b"nobody", "é".encode()}
    assert all(len(numbers) == 1 for numbers in partitions.values())
    replayed = [event.activity for event in replay_log(ws, topic) if event.case == "NA"]
    assert replayed == [f"step {number}" for number in range(20)]


def test_a_cut_publication_goes_on_and_has_the_same_totals(
    ws: workshop.Connection, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "CHUNK", 10)
    path = log(tmp_path / "log.csv", *[f"case-{n},{'' if n == 14 else 'begun'},{NOON}" for n in range(35)])

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_log(ws, path, topic, MINE, stop)
    assert len(replay_log(ws, topic)) == 10
    done = publish_log(ws, path, topic, MINE)
    assert (done.publication.already, done.publication.accepted, done.publication.refused) == (10, 34, 1)
    assert done.totals == Totals.of(replay_log(ws, topic))
    assert [record.key.decode().split("-")[-1] for record in read_all(ws, topic + DEAD_LETTERS, **COMMITTED)] == ["16"]


def test_refused_rows_are_dead_letters_and_the_command_says_so(
    ws: workshop.Connection, topic: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    lines = [
        f"a,begun,{NOON}",
        "a,begun,03/04/2018",
        f"a,,{NOON}",
        f"a,stolen,{NOON}",
        f",ended,{NOON}",
        f"NA,ended,{NOON}",
    ]
    path = log(tmp_path / "log.csv", *lines)
    words = ["data", "publish", str(path), "--topic", topic, "--case", "case", "--activity", "what", "--time", "when"]
    for _ in range(2):
        assert main.main([*words, "--activities", "begun,ended"]) == 0
    said = capsys.readouterr().out
    for sentence in (
        "3 events of 2 cases",
        "1 event has an empty case: kept as a case named NA",
        "both are one case now",
        f"3 rows were refused: each is in {topic}{DEAD_LETTERS}",
        "The first is line 3: ",
        "nothing was published again",
    ):
        assert sentence in said
    letters = [json.loads(record.value) for record in read_all(ws, topic + DEAD_LETTERS, **COMMITTED)]
    reasons = {letter["line"]: letter["reason"] for letter in letters}
    assert sorted(reasons) == [3, 4, 5]
    for line, word in {3: "either way round", 4: "no activity", 5: "'stolen'"}.items():
        assert word in reasons[line]
    headers = [dict(record.headers)["type"] for record in read_all(ws, topic + DEAD_LETTERS, **COMMITTED)]
    assert headers == [b"EventRefused"] * 3
    assert main.main(words) == 1
    assert "read in another way" in capsys.readouterr().err


def test_what_cannot_be_published_or_replayed_is_told_in_sentences(
    ws: workshop.Connection, topic: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = log(tmp_path / "log.csv", f"a,begun,{NOON}")
    columns = ["--case", "case", "--activity", "what", "--time", "when"]
    told = {
        "There is no file": [str(tmp_path / "none.csv"), "--topic", topic, *columns],
        "no column patient": [str(path), "--topic", topic, "--case", "patient", *columns[2:]],
        "cannot be published to a topic named": [str(path), "--topic", "not a name", *columns],
        "cannot be read": [str(path), "--topic", topic, *columns, "--activities", str(tmp_path / "none.txt")],
    }
    assert [main.main(["data", "publish", *words]) for words in told.values()] == [1] * len(told)
    said = " ".join(capsys.readouterr().err.split())
    assert [sentence for sentence in told if sentence not in said] == []
    with closing(ws.admin()) as admin:
        assert topic not in admin.list_topics()  # a refused publication creates no topic
    with closing(KafkaProducer(**ws.kafka)) as producer:
        other = ws.fresh_topic("no-log", partitions=1)
        producer.send(other, b"no event")
    with pytest.raises(WorkshopError, match="is no event of a log"):
        replay_log(ws, other)
