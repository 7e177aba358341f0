"""The pictures of lesson 08: their texts state what was seen."""

from __future__ import annotations

import pandas as pd
from workshop.lessons.scaling_under_load import pictures
from workshop.lessons.scaling_under_load.observations import Scaled

MEASURED = pd.DataFrame(
    {
        "replicas": [1, 1, 2],
        "offered": [5.0, 20.0, 40.0],
        "p95": [0.25, 2.0, 0.3],
        "cpu": [20.0, 60.0, 90.0],
        "waiting": [1.2, 44.0, 9.0],
    }
)


def test_each_curve_is_told_from_the_least_to_the_most_load():
    assert pictures.draw_curves(MEASURED, 20.0, (1, 2)).alt == (
        "with 1 replicas p95 goes from 250 to 2000 ms at 20 a second; "
        "with 2 replicas p95 goes from 300 to 300 ms at 40 a second"
    )


def test_before_the_first_measurement_there_is_nothing_to_tell():
    assert pictures.draw_curves(MEASURED.head(0), 20.0, (1, 2)).alt == "nothing measured yet"


def test_processor_and_queue_are_those_of_one_replica():
    assert pictures.draw_cpu_and_queue(MEASURED, 20.0).alt == (
        "the processor goes from 20 to 60 thousandths, what waits from 1 to 44"
    )


def test_autoscaling_tells_failures_and_the_most_replicas_that_were_ready():
    answers = pd.DataFrame({"at": [0.5, 1.5, 1.7], "seconds": [0.2, 0.3, 1.0], "status": [201, 0, 503]})
    ready, wished = [(0.0, 1), (4.0, 3), (8.0, 2)], [(0.0, 1), (2.0, 4)]
    seen = Scaled(None, 1, 4, marks=[(1.0, "more load"), (99.0, "not yet")], ready=ready, wished=wished)
    assert pictures.draw_autoscaling(seen, answers).alt == "3 payments, 2 failed; at most 3 replicas were ready"


def test_autoscaling_is_drawn_before_the_first_answer():
    answers = pd.DataFrame(columns=["at", "seconds", "status"], dtype=float)
    assert pictures.draw_autoscaling(Scaled(None, 1, 3), answers).alt == (
        "0 payments, 0 failed; at most 0 replicas were ready"
    )


def test_a_lag_is_told_by_how_fast_it_falls():
    lags = [300.0, 290.0, 280.0, 220.0, 160.0, 100.0]
    table = pd.DataFrame({"at": range(6), "lag": lags, "replicas": [1, 1, 1, 3, 3, 3]})
    assert pictures.draw_lag(table).alt == "1 replicas work off 10 a second; 3 replicas work off 60 a second"


def test_two_points_are_no_slope():
    table = pd.DataFrame({"at": [0.0, 1.0], "lag": [5.0, 4.0], "replicas": [1, 1]})
    assert pictures.draw_lag(table).alt == "a lag over time"
    assert pictures.draw_lag(pd.DataFrame()).alt == "a lag over time"
