"""Lesson 06: events and changes as tables, and what was measured while the monolith worked."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.debezium import Change
from workshop.kafka import consume
from workshop.lessons.change_data_capture import experiments, live, outbox


def record(key: bytes | None, kind: bytes = b"CardBlocked", value: bytes = b"{}") -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value, headers=[("type", kind)])


BANK = SimpleNamespace(ws=None, topic=lambda table: table)


def test_events_are_counted_by_card_with_and_without_quotation_marks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        consume, "read_all", lambda ws, topic: [record(b'"a"'), record(b"a"), record(b"b"), record(None)]
    )
    assert experiments.told(BANK, "topic") == {"a": 2, "b": 1}


def test_types_of_events_are_listed_by_card(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbox, "topic", lambda bank: "outbox")
    sent = SimpleNamespace(key=b'"a"', value=b"{}", headers=[])  # by the program itself, without a header
    records = [record(b'"a"'), record(b'"b"', b"CardOpened"), sent, record(None)]
    monkeypatch.setattr(consume, "read_all", lambda ws, topic: records)
    found = experiments.event_types(BANK)
    assert (found["a"], found["b"], found["c"]) == (["CardBlocked", ""], ["CardOpened"], [])


def test_a_move_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbox, "follow", lambda bank: None)
    looks = [[], [city(1, "Sion")], [city(1, "Sion"), city(1, "Vevey"), city(2, "Bern")]]
    bank = SimpleNamespace(changes=lambda table: looks.pop(0))
    assert [one.row["city"] for one in experiments.moved(bank, 1, "Vevey")] == ["Sion", "Vevey"]


def city(number: int, name: str) -> Change:
    return Change("update", {"id": number}, None, {"id": number, "city": name}, 0, 1)


def test_the_newest_change_of_each_customer_is_given_by_number():
    changes = [city(2, "Bern"), city(1, "Sion"), city(2, "Vevey"), Change("tombstone", {"id": 3}, None, None, 0, 0)]
    bank = SimpleNamespace(settled=lambda table, whole: changes)
    assert [one.row["city"] for one in experiments.read_again(bank)] == ["Sion", "Vevey"]


def test_an_error_while_changes_are_read_is_reported_to_the_experiment():
    reader = object.__new__(live.Arrivals)
    reader._seen, reader._error, reader._leaving = [(1.0, change(1, 5))], None, threading.Event()
    assert len(reader.seen) == 1
    reader._consumer = SimpleNamespace(poll=lambda timeout_ms: {0: [SimpleNamespace(key=None, value=b"{}")]})
    reader.run()
    with pytest.raises(WorkshopError, match=r"could not be read to their end: ValueError.*Run this cell again"):
        _ = reader.seen


def change(number: int, cents: int | None, operation: str = "update", committed_ms: int = 0) -> Change:
    after = None if cents is None else {"id": number, "limit_cents": cents}
    return Change(operation, {"id": number}, None, after, committed_ms, 1)


def test_changes_of_some_customers_stand_customer_by_customer():
    changes = [change(1, 1), change(2, 2), change(1, 3), change(3, 4)]
    assert [one.after["limit_cents"] for one in experiments.of(changes, 2, 1)] == [2, 1, 3]


def test_a_row_that_is_not_there_is_a_dash():
    assert experiments._words(None) == "—"
    assert experiments._words({"id": 1, "city": "Morges"}) == "1, Morges"


def test_the_monoliths_files_have_fingerprints():
    root = Path(__file__).resolve().parents[3]
    found = experiments.fingerprints(SimpleNamespace(ws=SimpleNamespace(settings=SimpleNamespace(root=root))))
    assert found
    assert all(len(digest) == 64 for digest in found.values())


class Work:
    """A monolith's process."""

    def __init__(self, code: int | None, said: str = "") -> None:
        self.returncode, self.said, self.killed = code, said, False

    def communicate(self, timeout: float = 0) -> tuple[bytes, bytes]:
        return b"", self.said.encode()

    def poll(self) -> int | None:
        return self.returncode

    def kill(self) -> None:
        self.killed = True


def bank_with(work: Work) -> SimpleNamespace:
    return SimpleNamespace(working=lambda *words: work)


def test_a_monolith_that_fails_is_told_in_its_own_words():
    with (
        pytest.raises(WorkshopError, match=r"no such table\. Run the first cell again"),
        live._working(bank_with(Work(1, "no such table.")), 1, 1),
    ):
        pass


def test_a_monolith_is_ended_when_what_happens_meanwhile_fails():
    work = Work(None)
    with pytest.raises(ZeroDivisionError), live._working(bank_with(work), 1, 1):
        raise ZeroDivisionError
    assert work.killed


def test_the_limits_that_came_are_those_of_rows_that_are_there():
    reader = SimpleNamespace(seen=[(0.0, change(1, 5)), (0.1, change(1, None, "delete")), (0.2, change(2, 6))])
    assert live._limits(reader) == {5, 6}
    assert live._wanted(3) == {live.FIRST, live.FIRST + 1, live.FIRST + 2}
