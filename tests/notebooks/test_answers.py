"""Checks of the suite's answers to exercises, and of the names in handed-out lessons; no server is needed."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from suite.cells import names
from suite.lessons import answers, exercises
from workshop.notebook.handout import is_answer, solutions
from workshop.base.settings import Settings

LESSONS = [pytest.param(path, id=path.stem) for path in solutions(Settings.load())]


@pytest.mark.parametrize("path", LESSONS)
def test_every_exercise_has_wrong_answers_and_every_answer_an_exercise(path: Path):
    there = {one.answer.id for one in exercises(nbformat.read(path, as_version=4))}
    tried = answers(path.name[:2])
    assert set(tried) == there
    assert all(any(not attempt.passes for attempt in attempts) for attempts in tried.values())


@pytest.mark.parametrize("path", LESSONS)
def test_a_lesson_of_the_second_edition_has_three_right_and_five_wrong_answers_to_each_exercise(path: Path):
    if nbformat.read(path, as_version=4).metadata.get("workshop", {}).get("edition", 1) < 2:
        return
    for answer, attempts in answers(path.name[:2]).items():
        right = [attempt for attempt in attempts if attempt.passes]
        wrong = [attempt for attempt in attempts if not attempt.passes]
        if answer != "q-answer":  # a unit test holds that every choice of the quick questions is explained
            assert (len(right) >= 3, len(wrong) >= 5) == (True, True), f"{answer}: {len(right)} right, {len(wrong)} wrong"


@pytest.mark.parametrize("path", LESSONS)
def test_no_given_cell_needs_a_name_that_only_an_answer_defines(path: Path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    checks = {one.check.id for one in exercises(nbformat.read(path, as_version=4))}
    given, answered = set(), set()
    for cell in code:
        defined, used = names(cell.source)
        if is_answer(cell):
            answered |= defined
            continue
        if cell.id not in checks:
            assert not (used - defined - given) & answered, f"cell {cell.id} lives on an answer"
        given |= defined


def test_a_name_of_an_answer_that_is_used_later_is_found():
    assert names("import a.b\nc = d.e\ndef f(x):\n    return x + g") == ({"a", "c", "f"}, {"d", "g"})
