"""The bounds that an attendee declares in Python, in one of several forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from workshop.lessons.scaling_under_load.numbers import whole
from workshop.notebook.exercises import expect

FORM = (
    "an autoscaler of `payments`, applied with `kubectl apply`; or two whole numbers from 1 to 6 in `bounds`, "
    "minimum and maximum, such as `bounds = (1, 2)`"
)
SET_UP = "Run the cell above that begins with `bounds = None` (it deletes the autoscaler), then your answer, then this check."
NAMES = (("min", "minReplicas", "min_replicas", "least"), ("max", "maxReplicas", "max_replicas", "most"))
LARGEST = 6


def declared(answer: Any) -> tuple[int, int] | None:
    """Return minimum and maximum of an answer; None if it is None.

    It may be a pair, a mapping with `min` and `max` or with the names of the autoscaler's fields, or a manifest, also as
    text.
    """
    if answer is None:
        return None
    numbers = [whole(number) for number in _pair(answer)]
    good = len(numbers) == 2 and all(number is not None and 1 <= number <= LARGEST for number in numbers)
    expect(good, observed=f"`bounds` is {_short(answer)}", expected=FORM)
    least, most = numbers
    assert least is not None  # as just checked
    assert most is not None
    expect(
        least <= most,
        observed=f"the minimum is {least}, and the maximum is {most}",
        expected="a minimum that is not larger than the maximum",
    )
    return least, most


def _pair(answer: Any) -> list[Any]:
    if isinstance(answer, str):
        answer = _from_text(answer)
    if isinstance(answer, Mapping):
        if isinstance(answer.get("spec"), Mapping):
            answer = {"minReplicas": 1, **answer["spec"]}
        found = [[answer[name] for name in names if name in answer] for names in NAMES]
        return [one[0] for one in found if one]
    if hasattr(answer, "tolist"):  # an array of numpy, a series of pandas
        answer = answer.tolist()
    return list(answer) if isinstance(answer, Sequence) and not isinstance(answer, str) else []


def _from_text(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _short(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 200 else f"{text[:200]} …"
