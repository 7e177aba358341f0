"""Predictions of a learner beside what was measured, fault by fault."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from workshop.base.errors import WorkshopError
from workshop.chaos.day import Day
from workshop.chaos.figures import Step

FORM = "three values: seconds, True or False, a number of payments; such as (5, True, 0)"


@dataclass(frozen=True)
class Prediction:
    """A learner's prediction for one fault; None for what was left open.

    Attributes:
        gap: the longest time without an acknowledgement, in seconds.
        again: whether a customer must ask again.
        lost: the number of acknowledged payments that are lost.
    """

    gap: float | None = None
    again: bool | None = None
    lost: int | None = None

    @property
    def again_word(self) -> str | None:
        """The second value as a word."""
        return None if self.again is None else "yes" if self.again else "no"


@dataclass(frozen=True)
class Measured:
    """What was measured for one fault.

    Attributes:
        hit: what the fault hit.
        gap: the longest time without an acknowledgement, in seconds.
        p95: the 95th percentile of the time from the first attempt to the acknowledgement, in seconds.
        again: the number of attempts without an acknowledgement.
        lost: the number of acknowledged payments without a debit.
    """

    fault: str
    hit: str
    gap: float
    p95: float
    again: int
    lost: int


def read(word: str, given: Any) -> Prediction:
    """Return the prediction that a learner wrote.

    Raises:
        WorkshopError: it has another form.
    """
    values = list(given) if isinstance(given, list | tuple) else [None]
    if len(values) != 3 or not _is_number(values[0]) or not _is_number(values[2]):
        raise WorkshopError(f"The prediction for {word} is {given!r}.", f"Write {FORM}; None leaves a value open.")
    gap, again, lost = values
    return Prediction(
        None if gap is None else float(gap), _yes_or_no(word, given, again), None if lost is None else int(lost)
    )


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, Real) and math.isfinite(value))


def _yes_or_no(word: str, given: Any, value: Any) -> bool | None:
    text = str(value).strip().lower()
    if value is None or text in ("true", "yes", "oui", "false", "no", "non"):
        return None if value is None else text in ("true", "yes", "oui")
    if isinstance(value, Integral):
        return bool(value)
    raise WorkshopError(f"The prediction for {word} is {given!r}.", f"Write {FORM}; None leaves a value open.")


def measured(day: Day) -> list[Measured]:
    """Return what was measured for each fault of a finished run."""
    return [_of_step(day, step) for step in day.steps]


def _of_step(day: Day, step: Step) -> Measured:
    found, lost = day.of_step(step), day.result.lost if day.result else frozenset()
    until = step.well or day.ended or math.inf
    ids = {entry.payment_id for entry in day.entries if step.began <= entry.at < until}
    return Measured(step.word, ", ".join(step.victims), found.gap, found.p95, found.again, len(ids & lost))


def beside(predicted: Mapping[str, Any], day: Day) -> list[tuple[Prediction, Measured]]:
    """Return prediction and measurement of each fault of a run, in its order.

    Raises:
        WorkshopError: a prediction has another form.
    """
    return [(read(one.fault, predicted.get(one.fault, (None,) * 3)), one) for one in measured(day)]


def sentence(pairs: list[tuple[Prediction, Measured]]) -> str:
    """Return the comparison in words."""
    return "; ".join(_compared(*pair) for pair in pairs)


def _compared(told: Prediction, one: Measured) -> str:
    parts = [f"{one.gap:.1f} s without an acknowledgement{_said(told.gap, 's')}"]
    many = "1 attempt" if one.again == 1 else f"{one.again} attempts"
    parts.append(f"{many} without success{f' (you: {told.again_word})' if told.again_word else ''}")
    parts.append(f"{one.lost} lost{_said(told.lost)}")
    return f"{one.fault}: {', '.join(parts)}"


def _said(value: float | None, unit: str = "") -> str:
    return "" if value is None else f" (you: {value:g}{' ' + unit if unit else ''})"
