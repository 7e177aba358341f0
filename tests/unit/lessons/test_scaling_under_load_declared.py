"""The bounds in lesson 08: forms that are accepted, and those that are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from workshop.lessons.scaling_under_load import autoscalers
from workshop.lessons.scaling_under_load.declared import declared
from workshop.lessons.scaling_under_load.numbers import whole
from workshop.notebook.exercises import engine


@pytest.mark.parametrize(
    "answer",
    [
        (2, 4),
        [2, 4],
        (np.int64(2), np.float64(4.0)),
        np.array([2, 4]),
        pd.Series([2, 4]),
        {"min": 2, "max": 4, "more": 1},
        {"minReplicas": 2, "maxReplicas": 4},
        {"min_replicas": 2, "max_replicas": 4},
        autoscalers.manifest(2, 4),
        yaml.safe_dump(autoscalers.manifest(2, 4)),
        "minReplicas: 2\nmaxReplicas: 4",
    ],
)
def test_the_bounds_may_have_several_forms(answer: object):
    assert declared(answer) == (2, 4)


def test_the_minimum_of_a_manifest_is_one_by_default():
    assert declared({"spec": {"maxReplicas": 3}}) == (1, 3)


def test_nothing_declared_is_nothing():
    assert declared(None) is None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"min": 1},
        {"min": 0, "max": 2},
        {"min": True, "max": 2},
        {"min": 1, "max": 7},
        {"min": 4, "max": "many"},
        (1, 2, 3),
        (1.5, 2),
        3,
        "2 to 4",
        "{",
        len,
    ],
)
def test_bad_bounds_are_shown(answer: object):
    with pytest.raises(engine._Unmet) as told:
        declared(answer)
    assert dict(told.value.lines)["observed"] == f"`bounds` is {answer!r}"


def test_a_minimum_above_the_maximum_is_told():
    with pytest.raises(engine._Unmet) as told:
        declared((3, 2))
    assert dict(told.value.lines)["observed"] == "the minimum is 3, and the maximum is 2"


@pytest.mark.parametrize(
    ("number", "is_whole"), [(3, 3), (3.0, 3), (np.int8(3), 3), (True, None), ("3", None), (2.5, None)]
)
def test_whole_numbers_of_any_type_count(number: object, is_whole: int | None):
    assert whole(number) == is_whole
