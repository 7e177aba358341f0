"""The checks of lesson 08: bounds, functions and lags that pass, and those that do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import pandas as pd
import pytest
from workshop.lessons.scaling_under_load import checks
from workshop.lessons.scaling_under_load.observations import Scaled
from workshop.notebook.exercises import engine


def unmet(call: Callable[[], object]) -> str:
    """What is told to one who has not passed."""
    with pytest.raises(engine._Unmet) as told:
        call()
    return dict(told.value.lines)["observed"]


def test_good_bounds_are_taken():
    assert checks._bounds({"min": 2, "max": 4, "more": 1}) == (2, 4)


@pytest.mark.parametrize(
    "answer",
    [{}, {"min": 1}, {"min": 0, "max": 2}, {"min": 3, "max": 2}, {"min": True, "max": 2}, {"min": 1, "max": 7}, [1, 2]],
)
def test_bad_bounds_are_shown(answer: object):
    assert unmet(lambda: checks._bounds(answer)) == f"`bounds` is {answer!r}"


def test_a_good_function_of_the_lag_passes():
    checks._expect_numbers(lambda lag: max(1, min(3, math.ceil(lag / 200))))


@pytest.mark.parametrize(
    ("desired", "said"),
    [
        (lambda lag: lag / 200, "desired(0) is 0.0"),
        (lambda lag: min(3, lag // 200), "desired(0) is 0: nobody would be there"),
        (lambda lag: max(1, min(900, lag // 200)), "desired(100000) is 500: 500 pods, 3 partitions"),
        (lambda lag: -1, "desired(0) is -1"),
        (lambda lag: True, "desired(0) is True"),
    ],
)
def test_a_bad_function_of_the_lag_is_told_with_a_value(desired: Callable, said: str):
    assert unmet(lambda: checks._expect_numbers(desired)).startswith(said)


def lags(replicas: list[int], lag: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"at": range(len(lag)), "lag": lag, "replicas": replicas})


def test_a_lag_that_was_worked_off_by_more_replicas_passes():
    said = checks._judged_lag(lags([1, 3, 1], [900, 300, 0]))
    assert said == "900 payments worked off in 2 s by at most 3 replicas; then 1 again"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (lags([1, 1], [900, 0]), "lag 900, replicas 1: it took its time"),
        (lags([1, 3], [900, 5]), "in the end 5 payments waited, and 3 replicas were there"),
        (lags([1, 3], [900, 0]), "in the end 0 payments waited, and 3 replicas were there"),
    ],
)
def test_a_lag_that_was_not_worked_off_as_it_should_is_told(table: pd.DataFrame, said: str):
    assert unmet(lambda: checks._judged_lag(table)) == said


def seen(rush: float = 0.3, late: float = 0.3, failed: int = 0, ready: int = 3) -> Scaled:
    """A day of 70 seconds: normal load, a rush from 8 s on, heavy load from 20 s on."""
    times = [float(second) for second in range(70)]
    waits = [0.3 if at < 8 else rush if at < 20 else late for at in times]
    answers = pd.DataFrame({"at": times, "seconds": waits, "status": [503] * failed + [201] * (70 - failed)})
    load = SimpleNamespace(answers=lambda: answers, planned=70.0)
    return Scaled(load, 1, 4, [(0.0, "normal"), (8.0, "rush"), (20.0, "heavy")], [(0.0, 2), (65.0, ready)])


def test_bounds_that_carry_the_day_pass():
    assert checks._judged(seen(), 2, 4).startswith("p95 0.30 s normally, 0.30 s in the rush")


@pytest.mark.parametrize(
    ("day", "least", "said"),
    [
        (seen(rush=5.0), 1, "p95 was 5.0 s within the rush: 20 a second fit, 30 came"),
        (seen(late=6.0, ready=2), 2, "p95 was still 6.0 s at the end of the heavy load: pinned at 4 replicas"),
        (seen(failed=3), 2, "3 payments failed"),
        (seen(), 3, "3 replicas run all day"),
    ],
)
def test_bounds_that_do_not_carry_the_day_are_told(day: Scaled, least: int, said: str):
    assert unmet(lambda: checks._judged(day, least, 4)).startswith(said)


def test_a_busy_machine_does_not_make_a_right_answer_wrong():
    checks._judged(seen(rush=5.0, late=5.0, ready=3), 2, 4)
