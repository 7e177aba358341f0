"""Checks of lesson 08: an autoscaler under changing load, and an attendee's scaler on a real lag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from workshop.lessons.scaling_under_load import experiments as lesson
from workshop.lessons.scaling_under_load.experiments import Scaled
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered

NORMAL, RUSH, HEAVY = ("normal", 8, 10), ("rush", 12, 30), ("heavy", 55, 50)  # name, seconds, payments per second
SLOW = 1.0  # seconds; about three times the latency of a payment without a queue
WAITING = 900  # lag at the start of the lag scaler
PARTITIONS = 3


@exercise("08.1", "minimum and maximum")
def bounds(ws: Connection, answer: Any) -> str:
    """Play normal load, a sudden rush, then heavy load for longer, and measure the latency."""
    unanswered(answer is None, observed="`bounds` is None", expected='{"min": ..., "max": ...}')
    least, most = _bounds(answer)
    api = lesson.ensure(ws)
    try:
        seen = lesson.play(ws, api, [NORMAL, RUSH, HEAVY], least, most)
    finally:
        lesson.restore(ws)
    return _judged(seen, least, most)


def _bounds(answer: Any) -> tuple[int, int]:
    good = isinstance(answer, Mapping) and {"min", "max"} <= set(answer)
    numbers = [answer.get("min"), answer.get("max")] if good else []
    whole = good and all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 6 for n in numbers)
    expect(
        whole and numbers[0] <= numbers[1],
        observed=f"`bounds` is {answer!r}",
        expected='two whole numbers from 1 to 6 such as {"min": 1, "max": 2}: this laptop has no room for more',
    )
    return numbers[0], numbers[1]


def _judged(seen: Scaled, least: int, most: int) -> str:
    (begin, _), (middle, _), end = *seen.marks[1:], seen.load.planned
    usual, rush, late = seen.p95(2, begin), seen.p95(begin + 2, middle), seen.p95(end - 10, end)
    limit = max(SLOW, 4 * usual)
    # If the capacity was sufficient and customers waited nevertheless, the machine was busy; the answer is not wrong.
    expect(
        rush <= limit or least * lesson.CAPACITY > RUSH[2],
        observed=f"p95 was {rush:.1f} s within the rush: {least * lesson.CAPACITY:g} a second fit, {RUSH[2]} came",
        expected=f"at most {limit:.1f} s, from the first second of the rush on",
        hint="a new container needs a while: what is there at the minimum must carry the rush alone",
    )
    expect(
        late <= limit or seen.capacity(end - 10, end) > HEAVY[2],
        observed=f"p95 was still {late:.1f} s at the end of the heavy load: pinned at {most} replicas, the queue grew",
        expected=f"at most {limit:.1f} s",
        hint=f"one replica takes {lesson.CAPACITY:g} a second; how many take {HEAVY[2]}, with something to spare?",
    )
    failed = int((seen.load.answers()["status"] != 201).sum())
    expect(
        not failed,
        observed=f"{failed} payments failed",
        expected="0",
        hint="your numbers carry the load, the machine was too busy: run the check once more when less else runs",
    )
    expect(
        least * lesson.CAPACITY < HEAVY[2],
        observed=f"{least} replicas run all day, enough for the heavy load: nothing was scaled",
        expected="a minimum for the rush, and the rest only when it is needed",
        hint="what runs at night for nothing is paid for all the same",
    )
    return f"p95 {usual:.2f} s normally, {rush:.2f} s in the rush, {late:.2f} s at the end of the heavy load; 0 failed"


@exercise("08.2", "replicas by lag")
def by_lag(ws: Connection, desired: Any) -> str:
    """Let payments wait; every two seconds `desired(lag)` returns the number of replicas of `debits`."""
    unanswered(desired is None, observed="`desired` is None", expected="a function: desired(lag) -> replicas")
    expect(callable(desired), observed=f"`desired` is {desired!r}", expected="a function: desired(lag) -> replicas")
    _expect_numbers(desired)
    api = lesson.ensure(ws)
    try:
        table = lesson.lag_scaler(ws, api, desired, WAITING)
    finally:
        lesson.restore(ws)
    return _judged_lag(table)


def _expect_numbers(desired: Callable) -> None:
    tried = {lag: desired(lag) for lag in (0, 1, 100, WAITING, 100_000)}
    wrong = {lag: n for lag, n in tried.items() if not isinstance(n, int) or isinstance(n, bool) or not 0 <= n <= 1_000}
    expect(
        not wrong,
        observed="; ".join(f"desired({lag}) is {n!r}" for lag, n in wrong.items()),
        expected="a whole number of replicas for any lag",
        hint="`math.ceil` makes a whole number, and never too small a one",
    )
    expect(
        tried[0] >= 1,
        observed="desired(0) is 0: nobody would be there for the next payment",
        expected="at least 1 replica",
        hint="`max(1, ...)`",
    )
    expect(
        tried[100_000] <= PARTITIONS,
        observed=f"desired(100000) is {tried[100_000]}: {tried[100_000]} pods, {PARTITIONS} partitions",
        expected=f"never more than {PARTITIONS}: the others would have nothing to read",
        hint="cap it: `min(3, ...)`",
    )


def _judged_lag(table: pd.DataFrame) -> str:
    most = int(table["replicas"].max())
    expect(
        most > 1,
        observed=f"lag {table['lag'].max():,}, replicas {most}: it took its time",
        expected="more replicas while much waits",
        hint="divide the lag by what one replica may have waiting, say 200",
    )
    expect(
        table["lag"].iloc[-1] == 0 and table["replicas"].iloc[-1] == 1,
        observed=f"in the end {table['lag'].iloc[-1]} payments waited, and {table['replicas'].iloc[-1]} replicas were there",
        expected="0 waiting, and 1 replica again",
        hint="what does `desired` say when nothing waits any more?",
    )
    return f"{WAITING} payments worked off in {table['at'].iloc[-1]:.0f} s by at most {most} replicas; then 1 again"
