"""Lessons under nbval: each cell once, and each exercise unanswered, wrongly and rightly answered, in one kernel."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbFile
from workshop.notebook import express
from workshop.notebook.handout import STUB, is_answer, needs_streams
from workshop.stack.streams.kernel import NAME as STREAMS_KERNEL

from suite import lane, patience
from suite.kernel import Outcome, PatientKernel

ANSWERS = Path(__file__).parents[1] / "notebooks"

# Remove all names that an attempt defined, so that no later cell can depend on them.
REMEMBER = "_suite_names = {name: value for name, value in globals().items() if not name.startswith('_')}"
FORGET = """
for _name in [name for name in globals() if not name.startswith("_") and name not in _suite_names]:
    del globals()[_name]
globals().update(_suite_names)
"""


@dataclass(frozen=True)
class Attempt:
    """An answer to try: its code, whether the check must pass, and words that the check must print.

    Attributes:
        quick: whether it is tried without `--full` in a lesson that needs Kubernetes: its check needs no load.
    """

    name: str
    code: str
    passes: bool = False
    says: tuple[str, ...] = ()
    quick: bool = False


@dataclass(frozen=True)
class Exercise:
    """The cells of an exercise: setup, answer, check."""

    set_up: nbformat.NotebookNode
    answer: nbformat.NotebookNode
    check: nbformat.NotebookNode


class LessonFile(IPyNbFile):
    """A solved lesson: nbval's cells, with attempts at each exercise between them."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        self.compare_outputs = False  # like --nbval-lax, with which nbval would collect each lesson a second time

    def setup(self) -> None:
        """Start the lane's stack, and a kernel in which failed checks and failing commands are errors."""
        self.started()

    def started(self) -> PatientKernel:
        """Return the lesson's kernel; start it at the first call."""
        if self.kernel is None:
            here = lane.current()
            if self.nb.metadata.get("workshop", {}).get("needs") == "kubernetes":
                here.need_kubernetes()
            else:
                here.need_kafka()
            log = here.folder / f"kernel-{self.path.stem}.log"
            if needs_streams(self.nb):
                here.need_streams()
                self.kernel = PatientKernel(self.path.parent, log, STREAMS_KERNEL)
            else:
                self.kernel = PatientKernel(self.path.parent, log)
            self.setup_sanitize_files()
        return self.kernel

    def collect(self) -> Iterator[pytest.Item]:
        """Yield nbval's cells in order, with the attempts at each exercise before it."""
        cells = {item.cell.id: item for item in super().collect()}
        for item in cells.values():
            item.output_timeout = patience.CELL  # nbval's default of five seconds has no option (nbval issue 231)
        begin = {one.set_up.id: one for one in exercises(self.nb)}
        end = {one.check.id: one for one in exercises(self.nb)}
        for name, item in cells.items():
            if name in begin:
                for attempt in self._attempts(begin[name]):
                    yield AttemptItem.of(self, begin[name], attempt)
            yield item
            if name in end:
                yield SkippedItem.of(self, end[name])

    def _attempts(self, exercise: Exercise) -> list[Attempt]:
        """Return the attempts at an exercise.

        In a lesson that needs Kubernetes, only answers marked `quick = true` are tried without `--full`: the others may need
        minutes of load.
        """
        tried = answers(self.path.name[:2]).get(exercise.answer.id, [])
        slow = self.nb.metadata.get("workshop", {}).get("needs") == "kubernetes"
        if slow and "WORKSHOP_SUITE_FULL" not in os.environ:
            tried = [attempt for attempt in tried if attempt.quick]
        return [Attempt("unanswered", STUB, says=("unanswered",)), *tried]


class ExerciseItem(pytest.Item):
    """An item of an exercise, in addition to nbval's cells."""

    exercise: Exercise

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the location of the exercise."""
        return self.path, 0, self.name

    def _run(self, code: str) -> None:
        outcome = self._execute(code)
        if outcome.error:
            pytest.fail(f"This code failed:\n{code}\n{outcome.trace or outcome.text}", pytrace=False)

    def _execute(self, code: str) -> Outcome:
        if self.parent.timed_out:
            pytest.fail("An earlier cell of this lesson timed out.", pytrace=False)
        outcome = self.parent.started().execute(code, patience.CELL)
        if outcome.error == "TimeoutError":
            self.parent.timed_out = True
            pytest.fail(f"{outcome.text}\n{code}\n{outcome.trace}", pytrace=False)
        return outcome


class AttemptItem(ExerciseItem):
    """One attempt: the exercise is set up, answered and checked."""

    attempt: Attempt

    @classmethod
    def of(cls, parent: LessonFile, exercise: Exercise, attempt: Attempt) -> AttemptItem:
        """Return the item for one attempt at one exercise."""
        name = exercise.answer.id.removesuffix("-answer")
        item = cls.from_parent(parent, name=f"{name} {attempt.name}")
        item.exercise, item.attempt = exercise, attempt
        return item

    def runtest(self) -> None:
        """Run the three cells; compare the result of the check with the expected one."""
        self._run(REMEMBER)
        self._run(self.exercise.set_up.source)
        self._run(self.attempt.code)
        checked = self._execute(self.exercise.check.source)
        self._run(FORGET)
        self._compare(checked)

    def _compare(self, checked: Outcome) -> None:
        code = self.attempt.code
        if self.attempt.passes:
            if checked.error:
                pytest.fail(f"A right answer was refused:\n{code}\n{checked.trace or checked.text}", pytrace=False)
            return
        if checked.error != "CheckFailed":
            pytest.fail(f"{checked.error or 'The check passed'}:\n{code}\n{checked.trace}", pytrace=False)
        missing = [words for words in self.attempt.says if words not in checked.text]
        if missing:
            pytest.fail(f"The check does not say {missing}:\n{code}\n{checked.text}", pytrace=False)


class SkippedItem(ExerciseItem):
    """The state after a skipped exercise: the names of its answer are removed.

    No later cell can depend on them.
    """

    @classmethod
    def of(cls, parent: LessonFile, exercise: Exercise) -> SkippedItem:
        """Return the item that removes the names of an exercise's solution."""
        item = cls.from_parent(parent, name=f"{exercise.answer.id.removesuffix('-answer')} skipped")
        item.exercise = exercise
        return item

    def runtest(self) -> None:
        """Remove the names that the answer defined, and run the setup cell again."""
        self._run(FORGET)
        self._run(self.exercise.set_up.source)


def exercises(notebook: nbformat.NotebookNode) -> list[Exercise]:
    """Return the exercises of a solved notebook."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [Exercise(*code[at - 1 : at + 2]) for at, cell in enumerate(code) if is_answer(cell)]


def answers(lesson: str) -> dict[str, list[Attempt]]:
    """Return the attempts of a lesson by the id of the answer cell: wrong answers, then right ones."""
    return {
        cell: [
            *(
                Attempt(f"wrong {n}", one["code"], says=tuple(one["says"]), quick=one.get("quick", False))
                for n, one in enumerate(wrong, 1)
            ),
            *(
                Attempt(f"right {n}", one["code"], passes=True, quick=one.get("quick", False))
                for n, one in enumerate(right, 1)
            ),
        ]
        for cell, wrong, right in _both(lesson)
    }


def _both(lesson: str) -> Iterator[tuple[str, list[dict], list[dict]]]:
    wrong, right = (_read(ANSWERS / kind / f"{lesson}.toml") for kind in ("wrong_answers", "right_answers"))
    for cell in dict.fromkeys([*wrong, *right]):
        yield cell, wrong.get(cell, []), right.get(cell, [])


def _read(path: Path) -> dict[str, list[dict]]:
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def is_lesson(path: Path) -> bool:
    """Return whether a file is a solved lesson, or the express notebook, which has no exercises."""
    return path.suffix == ".ipynb" and (path.parent.name == "solutions" or path.stem == express.NAME)
