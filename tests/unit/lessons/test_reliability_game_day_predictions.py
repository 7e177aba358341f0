"""Predictions of lesson 09 as learners write them."""

from __future__ import annotations

import numpy as np
import pytest
from workshop.base.errors import WorkshopError
from workshop.lessons.reliability_game_day.predictions import Prediction, read


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((5, True, 0), Prediction(5.0, True, 0)),
        ([2.5, "No", 1], Prediction(2.5, False, 1)),
        ((None, "oui", None), Prediction(None, True, None)),
        ((np.float64(1.5), np.int64(0), np.int64(3)), Prediction(1.5, False, 3)),
        ((0, np.True_, 0), Prediction(0.0, True, 0)),
        ((None, None, None), Prediction()),
    ],
)
def test_a_prediction_has_seconds_a_yes_or_no_and_a_number(given: object, expected: Prediction):
    assert read("pod-crashed", given) == expected


@pytest.mark.parametrize(
    "given", [5, (5, True), ("soon", True, 0), (5, "perhaps", 0), (5, True, "none"), (float("nan"), 1, 1)]
)
def test_another_form_is_refused_with_an_example(given: object):
    with pytest.raises(WorkshopError, match=r"The prediction for pod-crashed is .*") as told:
        read("pod-crashed", given)
    assert "(5, True, 0)" in told.value.next_step
