"""A database and a producer whose steps are counted, and that die at a chosen one; without brokers."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.lessons.healthcare_and_retail.fragile import FragileProducer, Killed, Steps, connect


class Written:
    """A producer that remembers what was written."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []

    def send(self, topic: str, value: bytes, key: bytes | None = None) -> SimpleNamespace:
        self.records.append((topic, value))
        return SimpleNamespace(get=lambda timeout: len(self.records) - 1)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = str(tmp_path / "till")
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE movements (id TEXT PRIMARY KEY)")
    return path


def stored(file: str) -> int:
    return sqlite3.connect(file).execute("SELECT count(*) FROM movements").fetchone()[0]


def insert(file: str, steps: Steps) -> None:
    database = connect(file, steps)
    with database:
        database.execute("INSERT INTO movements VALUES ('pay-1')")


def test_the_steps_of_a_change_are_named(file: str):
    steps = Steps()
    insert(file, steps)
    assert steps.names == ["before the INSERT", "before the commit in the database", "after the commit in the database"]
    assert stored(file) == 1


@pytest.mark.parametrize(("die_at", "rows"), [(0, 0), (1, 0), (2, 1)])
def test_a_change_is_kept_only_if_the_process_died_after_the_commit(file: str, die_at: int, rows: int):
    with pytest.raises(Killed):
        insert(file, Steps(die_at))
    assert stored(file) == rows


def test_a_dead_process_takes_no_further_step_even_if_it_catches_exceptions(file: str):
    steps = Steps(die_at=0)
    with pytest.raises(Killed):
        insert(file, steps)
    with pytest.raises(Killed):
        insert(file, steps)
    assert len(steps.names) == 1


def test_a_record_that_nobody_waits_for_stays_in_the_buffer():
    real = Written()
    producer = FragileProducer(real, Steps())
    future = producer.send("payments", value=b"1")
    assert (producer.buffered, real.records) == (1, [])
    assert future.get(timeout=5) == 0
    assert (producer.buffered, real.records) == (0, [("payments", b"1")])


def test_a_producer_writes_its_buffer_when_it_is_closed_but_not_when_it_fails():
    real = Written()
    with FragileProducer(real, Steps()) as producer:
        producer.send("payments", value=b"1")
    failing = FragileProducer(real, Steps())
    failing.send("payments", value=b"2")
    failing.__exit__(ValueError, ValueError("the step failed"), None)
    assert real.records == [("payments", b"1")]


def test_a_record_is_bytes():
    with pytest.raises(TypeError, match="the value of a record is bytes, not str"):
        FragileProducer(Written(), Steps()).send("payments", value="1")
