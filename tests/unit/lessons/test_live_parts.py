"""What lessons 04 and 05 watch while it happens, and the protocols of lessons 01 and 02 that need another client."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kafka.errors import CoordinatorNotAvailableError
from workshop.base.errors import WorkshopError
from workshop.kafka import consume
from workshop.lessons import going_further
from workshop.lessons.event_replay import live as lesson_04
from workshop.lessons.fraud_analysis import live as lesson_05

NOW = datetime.now(UTC)


class Producer:
    """A producer that accepts ticks only."""

    def __init__(self, **options: object) -> None:
        assert options == {"acks": "all"}

    def send(self, topic: str, key: bytes, value: bytes) -> SimpleNamespace:
        assert key == lesson_04.TICK
        return SimpleNamespace(get=lambda timeout: None)

    def close(self) -> None:
        """Nothing is open."""


def watch(monkeypatch: pytest.MonkeyPatch, looks: list[list[tuple]], gone: bytes | None = None) -> list[tuple]:
    waiting = iter(looks)

    def read(ws: object, topic: str) -> list:
        records = [*next(waiting), (lesson_04.TICK, b"")]
        return [SimpleNamespace(key=key, value=value) for key, value in records]

    monkeypatch.setattr(consume, "read_all", read)
    monkeypatch.setattr(lesson_04, "KafkaProducer", Producer)
    monkeypatch.setattr(lesson_04.time, "sleep", lambda seconds: None)
    seen = lesson_04.watch_compaction(SimpleNamespace(kafka={}), "topic", gone)
    assert next(waiting, None) is None
    return [(records, alive) for _, records, alive in seen.points]


def test_04_compaction_is_watched_until_each_key_has_one_record(monkeypatch: pytest.MonkeyPatch):
    looks = [[(b"a", b"1"), (b"a", b"2"), (b"b", b"1")], [(b"a", b"2"), (b"b", None)]]
    assert watch(monkeypatch, looks) == [(3, 2), (2, 1)]


def test_04_compaction_is_watched_until_a_deleted_key_has_no_record(monkeypatch: pytest.MonkeyPatch):
    looks = [[(b"a", b"1"), (b"b", b"1"), (b"a", None)], [(b"b", b"1"), (b"a", None)], [(b"b", b"1")]]
    assert watch(monkeypatch, looks, gone=b"a") == [(3, 2), (2, 1), (1, 1)]


def test_04_what_a_group_has_committed_is_the_sum_of_its_offsets():
    offsets = {"a": SimpleNamespace(offset=7), "b": SimpleNamespace(offset=-1), "c": SimpleNamespace(offset=5)}
    assert lesson_04._committed(SimpleNamespace(list_group_offsets=lambda groups: {"debits": offsets}), "debits") == 12
    assert lesson_04._committed(SimpleNamespace(list_group_offsets=lambda groups: {}), "debits") == 0


def test_04_a_group_without_a_coordinator_has_committed_nothing_yet():
    def moves(groups: list[str]) -> dict:
        raise CoordinatorNotAvailableError

    assert lesson_04._committed(SimpleNamespace(list_group_offsets=moves), "debits") == 0


def test_05_the_past_is_one_usual_payment_a_day_before_today():
    past = lesson_05._past()
    assert [payment.amount_cents for payment in past] == list(lesson_05.USUAL)
    assert [payment.at for payment in past] == sorted(payment.at for payment in past)
    assert past[-1].at < NOW


def test_05_a_service_is_stopped_also_if_it_does_not_start():
    did: list[str] = []

    def fail() -> None:
        raise WorkshopError("It does not start.")

    bad = SimpleNamespace(start=fail, stop=lambda: did.append("stop"))
    with pytest.raises(WorkshopError), lesson_05._started(bad):
        pytest.fail("went on")
    assert did == ["stop"]


class Share:
    """A share consumer that hands over two messages, one of them an error."""

    def __init__(self, config: dict) -> None:
        self.polls = 0

    def subscribe(self, topics: list[str]) -> None:
        assert topics == ["topic"]

    def poll(self, timeout: float) -> list:
        self.polls += 1
        if self.polls > 1:
            END.set()
            return []
        good = SimpleNamespace(error=lambda: None, offset=lambda: 7)
        return [SimpleNamespace(error=lambda: "an error", offset=lambda: 8), good]

    def close(self) -> None:
        """Nothing is open."""


END = threading.Event()


def test_a_member_of_a_share_group_takes_records_and_no_errors(monkeypatch: pytest.MonkeyPatch):
    END.clear()
    monkeypatch.setattr(going_further, "ShareConsumer", Share)
    ws = SimpleNamespace(confluent=dict, full_name=lambda name: name)
    mine: list[int] = []
    going_further._take(ws, "topic", "group", mine, END)
    assert mine == [7]


def test_a_share_group_that_does_not_take_all_in_time_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(going_further, "PATIENCE", -1.0)
    going_further._wait(lambda: True)
    with pytest.raises(WorkshopError, match="did not take all records in time"):
        going_further._wait(lambda: False)
