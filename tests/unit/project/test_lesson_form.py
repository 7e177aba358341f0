"""The form of lessons: real API in the given cells, folded explanations, two hints, questions with explained choices.

A lesson states in its metadata that it has this form (`"workshop": {"edition": 2}`).
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from workshop.base.settings import Settings
from workshop.notebook.handout import solutions

ROOT = Path(__file__).resolve().parents[3]
FOLD = "<details><summary>After you have run it</summary>\n\n"


def _tool():
    spec = importlib.util.spec_from_file_location("lesson_figures", ROOT / "infra" / "tools" / "lesson_figures.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


figures = _tool()


def _edition(path: Path) -> int:
    return nbformat.read(path, as_version=4).metadata.get("workshop", {}).get("edition", 1)


SECOND = [pytest.param(path, id=path.stem) for path in solutions(Settings.load()) if _edition(path) == 2]


def cells(path: Path) -> dict[str, nbformat.NotebookNode]:
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


@pytest.mark.parametrize("path", SECOND)
def test_a_third_of_the_given_lines_call_the_real_api(path: Path):
    assert figures.figures(path).share >= 1 / 3


@pytest.mark.parametrize("path", SECOND)
def test_what_a_prediction_asks_is_explained_behind_a_fold_after_its_cell(path: Path):
    there = list(cells(path).values())
    for number, cell in enumerate(there):
        if "**Predict:**" in cell.source:
            kinds = [later.cell_type for later in there[number + 1 :]]
            after = there[number + 1 + kinds.index("markdown")]
            assert kinds[0] == "code", f"{cell.id}: a prediction stands before the cell that answers it"
            assert after.source.startswith(FOLD), f"{after.id} gives the answer of {cell.id} away"


@pytest.mark.parametrize("path", SECOND)
def test_each_exercise_has_two_hints(path: Path):
    there = cells(path)
    for name in [name.removesuffix("-answer") for name in there if name.startswith("ex") and name.endswith("-answer")]:
        assert re.findall(r"<summary>(.*?)</summary>", there[f"{name}-hint"].source) == ["Hint 1", "Hint 2"]


@pytest.mark.parametrize("path", SECOND)
def test_the_questions_choices_are_those_that_the_check_explains(path: Path):
    there = cells(path)
    lesson = importlib.import_module(f"workshop.lessons.{path.stem[3:]}.checks")
    listed = [re.findall(r"^- \*\*([a-z])\*\* ", part, re.MULTILINE) for part in there["q"].source.split("\n**")[1:]]
    assert 2 <= len(listed) <= 3
    assert listed == [list(question.why) for question in lesson.questions.questions]
    assert all(text.strip() for question in lesson.questions.questions for text in question.why.values())
    right = re.findall(r"[a-z]", there["q-answer"].source.partition("=")[2])
    assert right == [question.right for question in lesson.questions.questions]


def test_lines_are_counted_by_what_they_call():
    code = """
import time
from kafka import KafkaConsumer

consumer = KafkaConsumer(
    **ws.kafka,
)
for record in consumer:
    print(record)
    time.sleep(1)
!kubectl get pods
lesson.draw(ws)
"""
    assert figures.api_lines([new_code_cell(code)]) == (8, 6)
    assert figures.api_lines([new_code_cell("%%bash\nls\nkafka-topics --list")]) == (2, 1)
    assert figures.api_lines([new_code_cell("%%writefile a.yaml\nkind: Pod\n")]) == (1, 1)


def test_a_name_made_from_the_subject_is_known_in_later_cells():
    given = [new_code_cell("admin = ws.admin()"), new_code_cell("x = 1"), new_code_cell("admin.close()")]
    assert figures.api_lines(given) == (3, 2)
