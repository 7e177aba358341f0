"""The checks of lesson 08: bounds, functions and lags that pass, and those that do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from workshop.lessons.scaling_under_load import autoscalers, checks
from workshop.lessons.scaling_under_load.observations import Scaled
from workshop.notebook.exercises import engine


def unmet(call: Callable[[], object]) -> str:
    """What is told to one who has not passed."""
    with pytest.raises(engine._Unmet) as told:
        call()
    return dict(told.value.lines)["observed"]


@pytest.mark.parametrize(
    "desired",
    [
        lambda lag: max(1, min(3, math.ceil(lag / 200))),
        lambda lag: np.clip(math.ceil(lag / 200), 1, 3),
        lambda lag: np.clip(np.ceil(lag / 200), 1, 3),
        lambda lag: 1 if lag <= 200 else 2 if lag <= 400 else 3,
        lambda lag: min(3, max(1, -(-lag // 200))),
    ],
)
def test_a_good_function_of_the_lag_passes(desired: Callable):
    checks.expect_numbers(desired)


@pytest.mark.parametrize(
    ("desired", "said"),
    [
        (lambda lag: lag / 200, "desired(1) is 0.005"),
        (lambda lag: min(3, math.ceil(lag / 200)), "desired(0) is 0: nobody would be there"),
        (lambda lag: max(1, min(900, lag // 200)), "desired(100000) is 500: 500 pods, 3 partitions"),
        (lambda lag: -1, "desired(0) is -1"),
        (lambda lag: True, "desired(0) is True"),
        (lambda lag: None, "desired(0) is None"),
        (lambda lag: 3 if lag else 1, "desired(1) is 3: 1 can do it"),
        (lambda lag: max(1, min(3, round(lag / 200))), "desired(201) is 1: 201 would wait for each"),
        (lambda lag: max(1, min(3, lag // 200)), "desired(201) is 1: 201 would wait for each"),
        (lambda lag: min(3, lag // 200 + 1), "desired(200) is 2: 1 can do it"),
        (lambda lag: 1, "desired(201) is 1"),
        (lambda lag: 3, "desired(0) is 3"),
        (lambda lag: 1 if lag <= 400 else 3, "desired(201) is 1"),
    ],
)
def test_a_bad_function_of_the_lag_is_told_with_a_value(desired: Callable, said: str):
    assert unmet(lambda: checks.expect_numbers(desired)).startswith(said)


def lags(replicas: list[int], lag: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"at": range(len(lag)), "lag": lag, "replicas": replicas})


def test_a_lag_that_was_worked_off_by_more_replicas_passes():
    said = checks._judged_lag(lags([3, 2, 1], [600, 300, 0]))
    assert said == "right for 8 lags. Then 600 payments were debited in 2 s by at most 3 replicas; then 1 again"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (lags([1, 3], [900, 5]), "in the end 5 payments waited, and 3 replicas were there"),
        (lags([1, 3], [900, 0]), "in the end 0 payments waited, and 3 replicas were there"),
    ],
)
def test_a_lag_that_was_not_worked_off_as_it_should_is_told(table: pd.DataFrame, said: str):
    assert unmet(lambda: checks._judged_lag(table)) == said


def seen(
    rush: float = 0.3, late: float = 0.3, failed: int = 0, ready: int = 3, bounds: tuple[int, int] = (2, 4)
) -> Scaled:
    """A day of 70 seconds: normal load, a rush from 8 s on, heavy load from 20 s on."""
    times = [float(second) for second in range(70)]
    waits = [0.3 if at < 8 else rush if at < 20 else late for at in times]
    answers = pd.DataFrame({"at": times, "seconds": waits, "status": [503] * failed + [201] * (70 - failed)})
    load = SimpleNamespace(answers=lambda: answers, planned=100.0, now=70.0)
    marks = [(0.0, "normal"), (8.0, "rush"), (20.0, "heavy")]
    counts = [(0.0, bounds[0]), (65.0, ready), (69.9, ready)]
    return Scaled(load, *bounds, marks, counts, counts)


def test_bounds_that_carry_the_day_pass():
    assert checks._judged(seen()).startswith("with 2 to 4 replicas, p95 was 0.30 s normally, 0.30 s in the rush")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (seen(rush=5.0, bounds=(1, 4)), "p95 was 5.0 s within the rush: 20 a second fit, 30 came"),
        (
            seen(late=6.0, ready=2, bounds=(2, 2)),
            "p95 was still 6.0 s at the end of the heavy load: pinned at 2 replicas",
        ),
        (seen(late=6.0, ready=2), "p95 was still 6.0 s at the end of the heavy load: the autoscaler did not ask"),
        (seen(failed=3), "3 payments failed"),
    ],
)
def test_bounds_that_do_not_carry_the_day_are_told(day: Scaled, said: str):
    assert unmet(lambda: checks._judged(day)).startswith(said)


def test_a_busy_machine_does_not_make_a_right_answer_wrong():
    checks._judged(seen(rush=5.0, late=5.0, ready=3))


def test_a_minimum_for_the_heavy_load_is_refused_before_the_load():
    assert unmet(lambda: checks._expect_thrift(3)).startswith("3 replicas would run all day")
    checks._expect_thrift(2)


@pytest.mark.parametrize(
    ("name", "most", "said"),
    [("debits", 4, "payments scales deployment/debits"), ("payments", 9, "maxReplicas is 9")],
)
def test_an_autoscaler_of_something_else_is_told(name: str, most: int, said: str):
    made = autoscalers.manifest(2, most)
    made["spec"]["scaleTargetRef"]["name"] = name
    assert unmet(lambda: checks._the_only([made])) == said


def test_the_only_autoscaler_of_payments_is_judged_whatever_its_name():
    made = autoscalers.manifest(2, 4)
    made["metadata"]["name"] = "mine"
    assert checks._the_only([made]) is made


def test_two_autoscalers_are_refused():
    two = [autoscalers.manifest(2, 4), autoscalers.manifest(1, 4)]
    assert unmet(lambda: checks._the_only(two)).startswith("payments scales deployment/payments, payments")


def test_an_autoscaler_without_metrics_is_told_with_its_status():
    idle = seen(ready=2)
    assert "FailedGetResourceMetric" in unmet(lambda: checks._expect_no_trouble("FailedGetResourceMetric: none", idle))
    checks._expect_no_trouble("", idle)
    checks._expect_no_trouble("FailedGetResourceMetric: a moment ago", seen())


def heavy(now: float, counts: list[tuple[float, int]], most: int) -> Scaled:
    load = SimpleNamespace(now=now)
    return Scaled(load, 2, most, [(0.0, "normal"), (8.0, "rush"), (20.0, "heavy")], counts)


@pytest.mark.parametrize(
    ("now", "ready", "most", "enough"),
    [
        (19.0, 6, 6, False),  # the heavy load has not begun
        (29.0, 4, 4, False),  # not long enough
        (31.0, 3, 4, True),  # enough replicas for ten seconds
        (31.0, 2, 4, False),  # more may come
        (31.0, 2, 2, False),
        (41.0, 2, 2, True),  # the maximum for twenty seconds
    ],
)
def test_the_heavy_load_ends_when_nothing_more_is_to_be_seen(now: float, ready: int, most: int, enough: bool):
    counts = [(float(at), ready) for at in range(20, int(now) + 1)]
    assert checks._enough(heavy(now, counts, most)) is enough


def test_nothing_declared_and_nothing_applied_is_unanswered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks.delivery, "expect_slow_network", lambda ws: None)
    monkeypatch.setattr(checks.autoscalers, "every", lambda ws: [])
    assert checks.bounds.__wrapped__ is not None
    with pytest.raises(engine._Unmet) as told:
        checks.bounds.__wrapped__(None, None)
    assert str(told.value) == "unanswered"
