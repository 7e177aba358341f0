"""What lessons 04 and 05 watch while it happens, and the protocols of lessons 01 and 02 that need another client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.payments.events import AccountDebited, AccountOpened
from workshop.kafka import consume
from workshop.lessons import going_further
from workshop.lessons.event_replay import live as lesson_04
from workshop.lessons.event_replay.observations import Compaction
from workshop.lessons.fraud_analysis import live as lesson_05

NOW = datetime.now(UTC)


class Producer:
    """A producer that counts ticks."""

    ticks = 0

    def send(self, topic: str, key: bytes, value: bytes) -> SimpleNamespace:
        assert key == lesson_04.TICK
        self.ticks += 1
        return SimpleNamespace(get=lambda timeout: None)


def look(monkeypatch: pytest.MonkeyPatch, looks: list[list[tuple]], done: Callable[[list], bool]) -> Compaction:
    waiting = iter(looks)

    def read(ws: object, topic: str) -> list:
        records = [*next(waiting), (lesson_04.TICK, b"")]
        return [SimpleNamespace(key=key, value=value) for key, value in records]

    monkeypatch.setattr(consume, "read_all", read)
    monkeypatch.setattr(lesson_04.time, "sleep", lambda seconds: None)
    seen, producer = Compaction(), Producer()
    lesson_04._look_until(None, "topic", seen, 0.0, SimpleNamespace(update=lambda: None), producer, done)
    assert producer.ticks == len(seen.points)
    return seen


def test_04_compaction_is_watched_until_each_key_stands_there_once(monkeypatch: pytest.MonkeyPatch):
    looks = [[(b"a", b"1"), (b"a", b"2"), (b"b", b"1")], [(b"a", b"2"), (b"b", None)]]
    seen = look(monkeypatch, looks, lambda held: len(held) == len(set(held)))
    assert [(records, alive) for _, records, alive in seen.points] == [(3, 2), (2, 1)]


def test_05_the_past_is_known_when_every_payment_of_it_was_debited():
    known: list = []
    debit = AccountDebited("card", 1, NOW, "p")
    assert not lesson_05._past_is_known(known, [debit] * 7 + [AccountOpened("card", 1, NOW, "p")])
    assert lesson_05._past_is_known(known, [debit])


def test_05_the_past_is_one_usual_payment_a_day_before_today():
    past = lesson_05._past()
    assert [payment.amount_cents for payment in past] == list(lesson_05.USUAL)
    assert [payment.at for payment in past] == sorted(payment.at for payment in past)
    assert past[-1].at < NOW


def test_05_services_are_stopped_also_when_one_does_not_start():
    did: list[str] = []

    def fail() -> None:
        raise WorkshopError("It does not start.")

    good = SimpleNamespace(start=lambda: did.append("start"), stop=lambda: did.append("stop"))
    bad = SimpleNamespace(start=fail, stop=lambda: did.append("stop"))
    with pytest.raises(WorkshopError), lesson_05._started([good, bad]):
        pytest.fail("went on")
    assert did == ["start", "stop", "stop"]


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
