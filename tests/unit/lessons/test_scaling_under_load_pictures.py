"""The pictures of lesson 08: their texts state what was seen."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from workshop.lessons.scaling_under_load import pictures
from workshop.lessons.scaling_under_load.observations import Scaled

MEASURED = pd.DataFrame(
    {
        "replicas": [1, 1, 1, 1],
        "offered": [10.0, 16.0, 19.0, 24.0],
        "p95": [0.26, 0.3, 0.6, 2.0],
        "failed": [0, 0, 0, 0],
        "cpu": [30.0, 48.0, 57.0, 72.0],
        "waiting": [1.2, 3.0, 9.0, 44.0],
    }
)


def test_the_curves_have_their_measurements_as_a_caption():
    alt = pictures.draw_curves(MEASURED, 20.0).alt
    assert alt.startswith("1 replica (line at 20/s): p95 260 ms at 10/s, 300 ms at 16/s")
    assert pictures.draw_curves(MEASURED.head(0), 20.0, 4).alt == "nothing measured yet"
    assert pictures.draw_curves(pd.DataFrame([]), 20.0, 4).alt == "nothing measured yet"


def test_processor_and_queue_are_those_of_one_replica():
    more = pd.concat([MEASURED, MEASURED.assign(replicas=2, cpu=float("nan"))])
    assert "the replica used 30 to 72 millicores" in pictures.draw_cpu_and_queue(more, 20.0).alt
    assert pictures.draw_cpu_and_queue(MEASURED.assign(replicas=2), 20.0).alt == "one replica was not measured"


def test_autoscaling_is_drawn_with_releases():
    answers = pd.DataFrame({"at": [0.5, 1.5, 1.7], "seconds": [0.2, 0.3, 1.0], "status": [201, 0, 503]})
    ready = [(0.0, 4), (3.0, 2), (8.0, 4)]
    seen = Scaled(SimpleNamespace(now=9.0), 1, 4, [(0.0, "heavy"), (99.0, "not yet")], ready, ready, [2.0])
    assert pictures.draw_autoscaling(seen, answers).alt.startswith("3 payments, 2 failed. Ready replicas: at most 4")


def test_autoscaling_is_drawn_before_the_first_answer():
    answers = pd.DataFrame(columns=["at", "seconds", "status"], dtype=float)
    assert pictures.draw_autoscaling(Scaled(None, 1, 3), answers).alt == "0 payments, 0 failed"


def test_a_lag_is_drawn_with_how_fast_it_falls():
    lags = [330.0, 320.0, 310.0, 300.0, 290.0, 280.0, 220.0, 160.0, 100.0, 40.0, 0.0, 0.0]
    table = pd.DataFrame({"at": range(12), "lag": lags, "replicas": [1] * 5 + [3] * 7})
    assert pictures.lag_rates(table) == {1: pytest.approx(10), 3: pytest.approx(60)}
    assert "1 replica: 10 payments per second" in pictures.draw_lag(table).alt


def test_two_points_are_no_slope():
    table = pd.DataFrame({"at": [0.0, 1.0], "lag": [5.0, 4.0], "replicas": [1, 1]})
    assert pictures.draw_lag(table).alt == "a lag over time"
    assert pictures.draw_lag(pd.DataFrame()).alt == "a lag over time"
