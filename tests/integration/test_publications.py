"""A published log is in its topic once and completely, also after interruptions, and is read back to the cent."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import workshop
from confluent_kafka import KafkaException
from kafka import KafkaProducer, TopicPartition
from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until
from workshop.cli import fraud, main
from workshop.domain.payments import PaymentMade, PaymentRefunded
from workshop.ingest import publications
from workshop.ingest.publications import DEAD_LETTERS, publish_file
from workshop.ingest.replay import replay
from workshop.kafka import admin as kafka_admin
from workshop.kafka.consume import read_all
from workshop.kafka.produce import publish
from workshop.notebook.story import EXTRACT

HEADER = "TX_DATETIME,CUSTOMER_ID,TX_AMOUNT,TERMINAL_ID"
NOON = "2018-04-01 12:00:00"
CHUNK, ROWS = 1_000, 2_500
COMMITTED = {"isolation_level": "read_committed"}

# Publishes a log, and blocks within the second transaction, whose rows are already on the brokers, until it is killed.
STUCK = """
import sys, time, workshop
from workshop.ingest import publications
sent, send_note = [], publications._send_note
def stuck(producer, *rest):
    sent.append(rest)
    if len(sent) == 2:
        producer.flush()
        print("open", flush=True)
        time.sleep(300)
    send_note(producer, *rest)
publications._send_note, publications.CHUNK = stuck, int(sys.argv[3])
publications.publish_file(workshop.connect(), sys.argv[1], sys.argv[2])
"""


@pytest.fixture
def topic(ws: workshop.Connection) -> Iterator[str]:
    """Yield an unused topic name; delete the topic at the end."""
    name = f"log-{uuid.uuid4().hex[:8]}"
    yield name
    delete(ws, name, name + DEAD_LETTERS)


def delete(ws: workshop.Connection, *names: str) -> None:
    kafka_admin.delete_topics(ws.kafka, lambda there: there in names)
    with closing(ws.admin()) as admin:
        wait_until(lambda: not set(names) & set(admin.list_topics()), 30, "the topics to be gone")


@pytest.fixture
def extract(ws: workshop.Connection) -> Path:
    return ws.settings.root / EXTRACT


@pytest.fixture
def part(extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the first rows of the extract as a file that is published in three chunks."""
    monkeypatch.setattr(publications, "CHUNK", CHUNK)
    path = tmp_path / "part.csv"
    pd.read_csv(extract, nrows=ROWS, dtype=str).to_csv(path, index=False)
    return path


def log(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines, ""]))
    return path


def ids(ws: workshop.Connection, topic: str) -> collections.Counter:
    return collections.Counter(json.loads(r.value)["payment_id"] for r in read_all(ws, topic, **COMMITTED))


def each_once(extract: Path) -> collections.Counter:
    return collections.Counter(pd.read_csv(extract, usecols=["TRANSACTION_ID"], dtype=str)["TRANSACTION_ID"])


def test_published_twice_is_once_and_is_read_back_to_the_cent(ws: workshop.Connection, topic: str, part: Path) -> None:
    shares: list[float] = []
    first = publish_file(ws, part, topic, shares.append)
    again = publish_file(ws, part, topic)
    assert (first.accepted, first.refused, first.already) == (ROWS, 0, 0)
    assert (again.accepted, again.already) == (ROWS, ROWS)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    shares.clear()
    table, malformed = replay(ws, topic, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    rows = pd.read_csv(part, dtype=str).set_index("TRANSACTION_ID")
    rows = rows.loc[table["payment_id"]]
    assert malformed == []
    assert table["payment_id"].is_unique
    assert len(table) == ROWS
    assert table["customer"].tolist() == rows["CUSTOMER_ID"].tolist()
    assert table["terminal"].tolist() == rows["TERMINAL_ID"].tolist()
    assert table["cents"].tolist() == [int(text.replace(".", "")) for text in rows["TX_AMOUNT"]]
    assert table["at"].astype(str).tolist() == rows["TX_DATETIME"].tolist()
    pd.testing.assert_frame_equal(replay(ws, topic)[0], table)


def test_killed_inside_a_transaction_and_resumed_every_row_is_there_once(
    ws: workshop.Connection, topic: str, part: Path
) -> None:
    program = [sys.executable, "-c", STUCK, str(part), topic, str(CHUNK)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout.readline() == "open\n"
        finally:
            process.kill()
    assert len(replay(ws, topic)[0]) == CHUNK
    done = publish_file(ws, part, topic)
    assert (done.accepted, done.already) == (ROWS, CHUNK)
    assert ids(ws, topic) == each_once(part)
    assert len(replay(ws, topic)[0]) == ROWS


def test_stopped_by_ctrl_c_it_goes_on(ws: workshop.Connection, topic: str, part: Path) -> None:
    def stop_after(chunks: int) -> Callable[[float], None]:
        told: list[float] = []

        def tell(share: float) -> None:
            told.append(share)
            if len(told) == chunks:
                raise KeyboardInterrupt

        return tell

    for already in (CHUNK, 2 * CHUNK):
        with pytest.raises(KeyboardInterrupt):
            publish_file(ws, part, topic, stop_after(already // CHUNK))
        assert len(replay(ws, topic)[0]) == already
    assert publish_file(ws, part, topic).already == 2 * CHUNK
    assert ids(ws, topic) == each_once(part)


def test_of_two_publishers_of_one_file_the_later_one_goes_on(ws: workshop.Connection, topic: str, part: Path) -> None:
    found = []

    def another(share: float) -> None:
        if not found:
            found.append(publish_file(ws, part, topic))

    with pytest.raises(WorkshopError, match="Another publisher of the same file took over"):
        publish_file(ws, part, topic, another)
    assert (found[0].accepted, found[0].already) == (ROWS, CHUNK)
    assert ids(ws, topic) == each_once(part)


def test_a_publisher_that_goes_on_after_another_took_over_learns_why(ws: workshop.Connection, topic: str) -> None:
    with pytest.raises(KafkaException) as ended:
        send_after_another_took_over(ws, topic)
    assert ended.value.args[0].code() in publications.FENCED


def send_after_another_took_over(ws: workshop.Connection, topic: str) -> None:
    """Send until the producer notices that a second one with the same transactional id has begun."""
    name = ws.full_name(ws.fresh_topic("taken-over"))
    with publications._producer(ws, "1" * 64, topic) as first:
        publications._persist(first.init_transactions)
        first.begin_transaction()
        with publications._producer(ws, "1" * 64, topic) as second:
            publications._persist(second.init_transactions)
        for _ in range(200):
            first.produce(name, b"x")
            first.flush(1)


def test_a_note_behind_another_files_open_transaction_is_still_found(
    ws: workshop.Connection, topic: str, part: Path
) -> None:
    with publications._producer(ws, "0" * 64, topic) as other:
        publications._persist(other.init_transactions)
        opened = []

        def open_another(share: float) -> None:
            if not opened:
                opened.append(other.begin_transaction())
                other.produce(publications.NOTES, b"{}", b"open")
                other.flush()

        publish_file(ws, part, topic, open_another)
        later = threading.Timer(2, other.abort_transaction, [30])
        later.start()
        try:
            assert publish_file(ws, part, topic).already == ROWS
        finally:
            later.join()
    assert ids(ws, topic) == each_once(part)


def test_equal_rows_stay_and_refunds_are_events_of_their_own(
    ws: workshop.Connection, topic: str, tmp_path: Path
) -> None:
    path = log(tmp_path / "log.csv", *[f'{NOON},"O""Neil \u2028\\ é",3500000.00,'] * 3, f"{NOON},b,(12.00),t")
    assert publish_file(ws, path, topic).accepted == 4
    records = read_all(ws, topic, **COMMITTED)
    made = [PaymentMade.parse(r.value) for r in records if ("type", b"PaymentMade") in r.headers]
    (refund,) = [r for r in records if ("type", b"PaymentRefunded") in r.headers]
    assert [(event.card, event.amount_cents, event.terminal) for event in made] == [
        ('O"Neil \u2028\\ é', 350000000, None)
    ] * 3
    assert len({event.payment_id for event in made}) == 3
    assert PaymentRefunded.parse(refund.value).amount_cents == 1200
    assert {record.timestamp for record in records} == {made[0].timestamp_ms()}
    assert all(record.headers[1] == ("version", b"1") for record in records)
    assert {event.value() for event in made} == {r.value for r in records if r is not refund}
    table, _ = replay(ws, topic)
    assert sorted(table["cents"]) == [-1200, *[350000000] * 3]


def test_refused_rows_are_dead_letters_with_line_and_reason(
    ws: workshop.Connection, topic: str, tmp_path: Path
) -> None:
    path = log(
        tmp_path / "log.csv", f"{NOON},a,1.00,t", "2018-04-31 10:00:00,b,1.00,t", f"{NOON},,1.00,t", f"{NOON},c,NaN,t"
    )
    done = publish_file(ws, path, topic)
    assert (done.accepted, done.refused) == (1, 3)
    assert publish_file(ws, path, topic).already == 4
    letters = [json.loads(record.value) for record in read_all(ws, topic + DEAD_LETTERS, **COMMITTED)]
    assert sorted((letter["line"], letter["raw"]) for letter in letters) == [
        (3, "2018-04-31 10:00:00,b,1.00,t"),
        (4, f"{NOON},,1.00,t"),
        (5, f"{NOON},c,NaN,t"),
    ]
    assert all(letter["reason"] and letter["file"] == "log.csv" for letter in letters)


def test_two_files_in_one_topic_are_both_there(ws: workshop.Connection, topic: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert publish_file(ws, log(tmp_path / f"{name}.csv", f"{NOON},{name},1.00,t"), topic).already == 0
    assert sorted(replay(ws, topic)[0]["customer"]) == ["one", "two"]


def test_a_recreated_topic_is_published_again(ws: workshop.Connection, topic: str, tmp_path: Path) -> None:
    path = log(tmp_path / "log.csv", f"{NOON},a,1.00,t")
    publish_file(ws, path, topic)
    delete(ws, topic)
    assert publish_file(ws, path, topic).already == 0
    assert len(replay(ws, topic)[0]) == 1


def test_an_emptied_topic_is_published_again(ws: workshop.Connection, topic: str, tmp_path: Path) -> None:
    path = log(tmp_path / "log.csv", f"{NOON},a,1.00,t")
    publish_file(ws, path, topic)
    with closing(ws.admin()) as admin:
        admin.delete_records({TopicPartition(topic, number): -1 for number in range(3)})
    assert publish_file(ws, path, topic).already == 0
    assert len(replay(ws, topic)[0]) == 1


def test_cards_lie_in_the_partitions_where_kafka_python_puts_them(
    ws: workshop.Connection, topic: str, tmp_path: Path
) -> None:
    cards = [f"card-{number} é" for number in range(100)]
    publish_file(ws, log(tmp_path / "log.csv", *[f"{NOON},{card},1.00,t" for card in cards]), topic)
    same = ws.fresh_topic("same")
    made = [PaymentMade.parse(record.value) for record in read_all(ws, topic, **COMMITTED)]
    publish(ws, same, made)
    there, here = ({r.key: r.partition for r in read_all(ws, name, **COMMITTED)} for name in (topic, same))
    assert there == here
    assert len(set(there.values())) == 3


def test_what_is_malformed_is_told_and_the_rest_goes_on(ws: workshop.Connection) -> None:
    topic = ws.fresh_topic("malformed", partitions=1)
    good = {"type": "PaymentMade", "card": "a", "terminal": "t", "amount_cents": 5, "at": NOON, "payment_id": "p"}
    wrong = {
        b"no json": "it is not JSON",
        None: "it is not JSON",
        b"": "it is not JSON",
        b"[1]": "neither a PaymentMade",
        b"{}": "neither a PaymentMade",
        json.dumps({**good, "type": ["PaymentMade"]}).encode(): "neither a PaymentMade",
        json.dumps({**good, "amount_cents": -1}).encode(): "amount_cents",
        json.dumps({**good, "amount_cents": 1.5}).encode(): "amount_cents",
        json.dumps({**good, "amount_cents": 10**19}).encode(): "amount_cents",
        json.dumps({**good, "at": "noon"}).encode(): "a field is missing or wrong",
        json.dumps({**good, "card": None}).encode(): "card",
        json.dumps({**good, "card": "\ud800"}).encode(): "card",
        json.dumps({**good, "more": 1}).encode(): "a field is missing or wrong",
        json.dumps({k: v for k, v in good.items() if k != "payment_id"}).encode(): "payment_id",
        json.dumps(good).encode() + b"\n" + json.dumps(good).encode(): "it is not JSON",
        b'{"card": "\xff"}': "it is not JSON",
    }
    right = [json.dumps({**good, "payment_id": str(number)}, indent=number % 3 or None) for number in range(500)]
    with closing(KafkaProducer(**ws.kafka)) as producer:
        for number, text in enumerate(right):
            producer.send(topic, text.encode())
            if number < len(wrong):
                producer.send(topic, list(wrong)[number], key=b"a")
        producer.flush()
    table, malformed = replay(ws, topic)
    assert table["payment_id"].tolist() == [str(number) for number in range(500)]
    assert [(event.partition, event.offset) for event in malformed] == [(0, 2 * n + 1) for n in range(len(wrong))]
    for event, reason in zip(malformed, wrong.values(), strict=True):
        assert reason in event.reason


def test_a_topic_with_retention_or_compaction_is_refused(ws: workshop.Connection, tmp_path: Path) -> None:
    path = log(tmp_path / "log.csv", f"{NOON},a,1.00,t")
    for configs in ({"retention_ms": "604800000"}, {"cleanup_policy": "compact"}):
        with pytest.raises(WorkshopError, match="does not keep all records"):
            publish_file(ws, path, ws.fresh_topic("forgets", **configs))
    for name in ("not a name", publications.NOTES, f"x{DEAD_LETTERS}", ""):
        with pytest.raises(WorkshopError, match="cannot be published to a topic named"):
            publish_file(ws, path, name)


def test_the_command_publishes_warns_twice_the_same_and_scores(
    ws: workshop.Connection, topic: str, extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main.main(["fraud", "publish", str(extract), "--topic", topic]) == 0
    for name in ("one.csv", "two.csv"):
        assert main.main(["fraud", "warn", "--topic", topic, "--out", str(tmp_path / name)]) == 0
    written = pd.read_csv(tmp_path / "one.csv", dtype={"amount": str})
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert tuple(written.columns) == fraud.COLUMNS
    assert len(written) > fraud.SHOWN
    assert written["score"].is_monotonic_decreasing
    capsys.readouterr()
    assert main.main(["fraud", "score", "--topic", topic, "--labels", str(extract)]) == 0
    assert "Learned from 2018-07-25 to 2018-07-31, judged from 2018-08-08 to 2018-08-14." in capsys.readouterr().out


def test_what_cannot_be_scored_or_warned_of_is_told_in_sentences(
    ws: workshop.Connection, topic: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    labels = log(tmp_path / "labels.csv", "p,1", header="TRANSACTION_ID,TX_FRAUD")
    score = ["fraud", "score", "--topic", topic, "--labels", str(labels)]
    told = {}
    told["There is no topic"] = main.main(["fraud", "warn", "--topic", topic])
    publish_file(ws, log(tmp_path / "empty.csv"), topic)
    told["holds no payment"] = main.main(["fraud", "warn", "--topic", topic])
    with_ids = HEADER.replace("TERMINAL", "TRANSACTION")
    publish_file(ws, log(tmp_path / "short.csv", f"{NOON},a,1.00,p", header=with_ids), topic)
    told["too short"] = main.main(score)
    log(labels, "elsewhere,1", header="TRANSACTION_ID,TX_FRAUD")
    told["None of the 1 labels"] = main.main(score)
    log(labels, "p,0", header="TRANSACTION_ID,TX_FRAUD")
    told["calls no payment of this topic a fraud"] = main.main(score)
    log(labels, "p,maybe", header="TRANSACTION_ID,TX_FRAUD")
    told["'maybe'"] = main.main(score)
    log(labels, "p", header="TRANSACTION_ID")
    told["no column TX_FRAUD"] = main.main(score)
    said = " ".join(capsys.readouterr().err.split())
    assert [sentence for sentence in told if sentence not in said] == []
    assert set(told.values()) == {1}
