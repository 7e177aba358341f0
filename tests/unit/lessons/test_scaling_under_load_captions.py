"""The captions of lesson 08: they state what was measured, also where it differs from the rule."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from workshop.lessons.scaling_under_load import captions
from workshop.lessons.scaling_under_load.observations import Scaled


def curve(count: int, *p95: float, failed: int = 0) -> pd.DataFrame:
    shares = (0.5, 0.8, 0.95, 1.2)[: len(p95)]
    offered = [share * 20 * count for share in shares]
    return pd.DataFrame({"replicas": count, "offered": offered, "p95": p95, "failed": [failed] + [0] * (len(p95) - 1)})


GOOD, EARLY, FLAT = (0.26, 0.3, 0.6, 2.0), (0.3, 1.1, 2.4, 2.5), (0.26, 0.3, 0.3, 0.35)


def test_a_curve_is_told_with_its_line_and_the_rule_that_it_keeps():
    assert captions.of_curves(curve(1, *GOOD), 20) == (
        "1 replica (line at 20/s): p95 260 ms at 10/s, 300 ms at 16/s, 600 ms at 19/s, 2000 ms at 24/s. "
        "The curve of 1 is low up to 80 % of the capacity, and high above the line"
    )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (GOOD, "The curves of 1 and 4 are low up to 80 % of the capacity"),
        (EARLY, "The curve of 4 is high already below the line: this machine was too busy"),
        (FLAT, "The curve of 4 is low above the line too: the queue had too little time"),
    ],
)
def test_a_curve_that_breaks_the_rule_is_told_so(second: tuple, said: str):
    assert said in captions.of_curves(pd.concat([curve(1, *GOOD), curve(4, *second)]), 20)


def test_an_unfinished_curve_is_not_judged():
    assert captions.of_curves(curve(1, 0.26), 20) == "1 replica (line at 20/s): p95 260 ms at 10/s"


def test_failures_are_told():
    assert captions.of_curves(curve(1, *GOOD, failed=7), 20).endswith(". 7 payments failed")


def test_the_processor_is_told_with_the_load_at_the_threshold():
    rows = pd.DataFrame({"offered": [10.0, 24.0], "cpu": [30.0, 72.0], "waiting": [3.0, 44.0]})
    assert captions.of_processor(rows) == (
        "From 10 to 24 payments per second, the replica used 30 to 72 millicores, at most 7 % of one core. "
        "What was in flight or queued went from 3 to 44 payments. "
        "30 millicores were used at about 10 payments per second"
    )
    assert "was the limit too" in captions.of_processor(rows.assign(cpu=[300.0, 900.0]))


def day(ready: list[tuple[float, int]], now: float, applied: tuple[float, ...] = ()) -> Scaled:
    marks = [(0.0, "normal"), (10.0, "heavy"), (50.0, "normal")] if not applied else [(0.0, "heavy")]
    return Scaled(SimpleNamespace(now=now), 1, 4, marks, ready, ready, [*applied])


ANSWERS = pd.DataFrame({"at": [1.0, 12.0, 30.0], "seconds": [0.3, 2.5, 0.4], "status": [201, 201, 500]})


def test_a_day_is_told_with_the_wait_for_the_first_new_replica():
    assert captions.of_day(day([(0.0, 1), (22.0, 3), (95.0, 1)], 100), ANSWERS) == (
        "3 payments, 1 failed. Ready replicas: at most 3, and 1 at the end. The first new replica was ready 12 s after the "
        "load had risen; until then p95 was 2500 ms, before that 300 ms"
    )


def test_a_day_before_and_without_help_is_told():
    assert captions.of_day(day([(0.0, 1)], 5), ANSWERS).endswith("The load has not risen yet")
    assert "No new replica was ready" in captions.of_day(day([(0.0, 1), (60.0, 1)], 60), ANSWERS)


def test_releases_are_told_with_the_replicas_that_they_took_away():
    ready = [(0.0, 4), (11.0, 2), (20.0, 4), (31.0, 3), (32.0, 2), (40.0, 4)]
    answers = pd.DataFrame({"at": [9.0, 12.0, 30.0], "seconds": [0.3, 2.5, 0.1], "status": 201})
    assert captions.of_day(day(ready, 45, (10.0, 30.0)), answers).endswith(
        "The manifest was applied 2 times; ready replicas went from 4 to 2, from 4 to 2. "
        "The p95 was 300 ms in the 5 s before them, and 2380 ms in the 10 s after them"
    )


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ({1: 20.0, 3: 58.0, 6: 59.0}, "Six were as fast as three"),
        ({1: 20.0, 3: 60.0, 6: 30.0}, "Six reached 50% of the speed of three: they did not help"),
        ({1: 20.0, 3: 30.0, 6: 60.0}, "Six were 2.0 times as fast as three in this run, which the partitions do not"),
    ],
)
def test_six_replicas_are_compared_with_three(rates: dict[int, float], said: str):
    caption = captions.of_lag(rates)
    assert said in caption
    assert "1 replica: 20 payments per second. 3 replicas:" in caption


def test_a_scaler_is_told_with_the_replicas_that_it_set():
    table = pd.DataFrame({"at": [0.0, 2.0, 4.0, 6.0], "lag": [600, 300, 90, 0], "replicas": [3, 2, 2, 1]})
    assert captions.of_scaler(table) == "the lag went from 600 to 0 in 6 s. Replicas: 3, then 2, then 1"
    assert captions.of_scaler(table.head(0)) == "no lag yet"
