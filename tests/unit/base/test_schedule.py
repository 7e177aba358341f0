"""When events are due, and that a late one delays no other."""

from __future__ import annotations

import asyncio
import threading
from itertools import islice, pairwise
from random import Random

import pytest
from workshop.base import schedule


class Clock:
    """A time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(schedule, "time", made)
    return made


def test_events_at_a_steady_rate():
    assert list(islice(schedule.steady(4), 5)) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert list(schedule.steady(10, 2.5)) == [0.0, 0.1, 0.2]
    assert list(schedule.steady(10, 0)) == []


def test_each_customer_pays_once_per_period_at_the_same_moment():
    dues = list(schedule.customers(5, 2.0, 6.0, Random(1)))
    assert dues == sorted(dues)
    assert len(dues) == 15
    assert [due - 2.0 for due in dues[5:10]] == pytest.approx(dues[:5])
    assert len({round(b - a, 6) for a, b in pairwise(dues[:5])}) > 1  # irregular


def test_no_customer_pays_after_the_end():
    dues = list(schedule.customers(50, 2.0, 3.0, Random(2)))
    assert max(dues) < 3.0
    assert 50 < len(dues) < 100


def test_events_come_when_they_are_due(clock: Clock):
    times = [(number, clock.now) for number in schedule.on_time([0.0, 0.5, 2.0], clock.sleep)]
    assert times == [(0, 100.0), (1, 100.5), (2, 102.0)]


def test_after_a_pause_of_the_machine_the_schedule_catches_up(clock: Clock):
    times = []
    for number in schedule.on_time(schedule.steady(1, 5), clock.sleep):
        times.append(clock.now)
        if number == 1:
            clock.now += 2.5  # the machine stands still
    assert times == [100.0, 101.0, 103.5, 103.5, 104.0]


def test_a_schedule_ends_with_its_event():
    ended, seen = threading.Event(), []
    for number in schedule.on_time(schedule.steady(1_000), ended.wait):
        seen.append(number)
        if number == 3:
            ended.set()
    assert seen == [0, 1, 2, 3]


def test_a_schedule_in_an_event_loop_ends_with_its_event(clock: Clock):
    async def scenario() -> list[int]:
        ended, seen = asyncio.Event(), []
        async for number in schedule.on_time_until(ended, schedule.steady(10), clock.now - 1.0):  # ten are late
            seen.append(number)
            if number == 10:
                ended.set()
        return seen

    assert asyncio.run(scenario()) == list(range(11))


def test_an_end_interrupts_a_wait_in_an_event_loop():
    async def scenario() -> list[int]:
        ended = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, ended.set)
        return [number async for number in schedule.on_time_until(ended, [3_600.0], schedule.time.monotonic())]

    assert asyncio.run(scenario()) == []
