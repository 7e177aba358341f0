"""Lessons under nbval: every cell once, and each exercise answered wrongly, rightly and not at all, in one kernel."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbFile
from workshop.notebook.handout import STUB, is_answer

from suite import lane, patience
from suite.kernel import Outcome, PatientKernel

ANSWERS = Path(__file__).parents[1] / "notebooks"

# Everything that an attempt defined is forgotten, so that a later cell does not live on it.
REMEMBER = "_suite_names = {name: value for name, value in globals().items() if not name.startswith('_')}"
FORGET = """
for _name in [name for name in globals() if not name.startswith("_") and name not in _suite_names]:
    del globals()[_name]
globals().update(_suite_names)
"""


@dataclass(frozen=True)
class Attempt:
    """One answer to try: its code, whether the check must pass, and words that the check must say."""

    name: str
    code: str
    passes: bool = False
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """An exercise's cells: what sets it up, the answer, the check."""

    set_up: nbformat.NotebookNode
    answer: nbformat.NotebookNode
    check: nbformat.NotebookNode


class LessonFile(IPyNbFile):
    """A solved lesson: nbval's cells, with attempts at each exercise between them."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        self.compare_outputs = False  # as --nbval-lax, which would make nbval collect each lesson a second time

    def setup(self) -> None:
        """Start the lane's stack and a kernel in which a failed check and a failing command are errors."""
        self.started()

    def started(self) -> PatientKernel:
        """Return the lesson's kernel, started when it is needed for the first time."""
        if self.kernel is None:
            here = lane.current()
            if self.nb.metadata.get("workshop", {}).get("needs") == "kubernetes":
                here.need_kubernetes()
            else:
                here.need_kafka()
            self.kernel = PatientKernel(self.path.parent, here.folder / f"kernel-{self.path.stem}.log")
            self.setup_sanitize_files()
        return self.kernel

    def collect(self) -> Iterator[pytest.Item]:
        """Yield nbval's cells in order; around each exercise the attempts at it."""
        cells = {item.cell.id: item for item in super().collect()}
        for item in cells.values():
            item.output_timeout = patience.CELL  # nbval's own is five seconds, and cannot be set (nbval issue 231)
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
        """Return the attempts at an exercise; those that each play a whole day of load are for `--full` only."""
        tried = answers(self.path.name[:2]).get(exercise.answer.id, [])
        slow = self.nb.metadata.get("workshop", {}).get("needs") == "kubernetes"
        if slow and "WORKSHOP_SUITE_FULL" not in os.environ:
            tried = []
        return [Attempt("unanswered", STUB, says=("unanswered",)), *tried]


class ExerciseItem(pytest.Item):
    """Something that is done with an exercise, beside nbval's cells."""

    exercise: Exercise

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the exercise stands."""
        return self.path, 0, self.name

    def _run(self, code: str) -> None:
        outcome = self._execute(code)
        if outcome.error:
            pytest.fail(f"This code failed:\n{code}\n{outcome.trace or outcome.text}", pytrace=False)

    def _execute(self, code: str) -> Outcome:
        if self.parent.timed_out:
            pytest.fail("An earlier cell of this lesson timed out.", pytrace=False)
        outcome = self.parent.started().execute(code, patience.CELL)
        self.parent.timed_out |= outcome.error == "TimeoutError"
        return outcome


class AttemptItem(ExerciseItem):
    """An exercise set up, answered and checked once."""

    attempt: Attempt

    @classmethod
    def of(cls, parent: LessonFile, exercise: Exercise, attempt: Attempt) -> AttemptItem:
        """Return the item for one attempt at one exercise."""
        name = exercise.answer.id.removesuffix("-answer")
        item = cls.from_parent(parent, name=f"{name} {attempt.name}")
        item.exercise, item.attempt = exercise, attempt
        return item

    def runtest(self) -> None:
        """Run the three cells; compare how the check ended with what the attempt asks for."""
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
    """The state of one who skipped the exercise: its answer's names are gone, so that no later cell can live on them."""

    @classmethod
    def of(cls, parent: LessonFile, exercise: Exercise) -> SkippedItem:
        """Return the item that forgets the solved answer of an exercise."""
        item = cls.from_parent(parent, name=f"{exercise.answer.id.removesuffix('-answer')} skipped")
        item.exercise = exercise
        return item

    def runtest(self) -> None:
        """Forget what the answer defined, and set the exercise up again, as it is handed out."""
        self._run(FORGET)
        self._run(self.exercise.set_up.source)


def exercises(notebook: nbformat.NotebookNode) -> list[Exercise]:
    """Return the exercises of a solved notebook."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [Exercise(*code[at - 1 : at + 2]) for at, cell in enumerate(code) if is_answer(cell)]


def answers(lesson: str) -> dict[str, list[Attempt]]:
    """Return the attempts at each exercise of a lesson: answer cell to wrong ones, then right ones."""
    return {
        cell: [
            *(Attempt(f"wrong {n}", one["code"], says=tuple(one["says"])) for n, one in enumerate(wrong, 1)),
            *(Attempt(f"right {n}", one["code"], passes=True) for n, one in enumerate(right, 1)),
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
    """Whether a file is a solved lesson."""
    return path.parent.name == "solutions" and path.suffix == ".ipynb"
