"""The minutes of the lessons: the README, the map in lesson 00, and the instructor's plans agree."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[3]
PLANS = ("Half a day", "A day")
RESERVE = re.compile(r"(?:with (\d+) minutes of )?reserve")


def from_readme() -> dict[str, int]:
    rows = re.findall(r"^\| (\d\d) \|.*\| (\d+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return {number: int(minutes) for number, minutes in rows}


def lesson_map() -> str:
    notebook = nbformat.read(ROOT / "solutions" / "00_start_here.ipynb", as_version=4)
    return next(cell.source for cell in notebook.cells if cell.id == "map")


def from_map() -> dict[str, tuple[int, str, str]]:
    """Return minutes and the marks of the half and the whole day by lesson."""
    rows = re.findall(r"^\| [*\[]+(\d\d) .*? \| (\d+) \| ?(.*?) ?\| ?(.*?) ?\|$", lesson_map(), re.MULTILINE)
    return {number: (int(minutes), half, day) for number, minutes, half, day in rows}


def plan(name: str) -> list[tuple[str, int, str]]:
    """Return the rows of a plan: begin, minutes, what."""
    text = (ROOT / "docs" / "instructor.md").read_text().split(f"\n## {name}")[1].split("\n## ")[0]
    return [
        (begin, int(minutes), what)
        for begin, minutes, what in re.findall(r"^\| (\d+:\d\d) \| (\d+) \| (.*?) \|", text, re.MULTILINE)
    ]


def in_full(name: str) -> dict[str, int]:
    """Return the minutes of the lessons that a plan does in full."""
    return {what[:2]: minutes for _, minutes, what in plan(name) if re.match(r"\d\d ", what) and "shown" not in what}


def test_the_map_has_the_lessons_and_minutes_of_the_readme():
    assert {number: minutes for number, (minutes, *_) in from_map().items()} == from_readme()
    assert len(from_readme()) == len(list((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb")))


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem)
def test_a_lesson_begins_with_the_minutes_of_the_readme(path: Path):
    title = nbformat.read(path, as_version=4).cells[0].source
    assert int(re.search(r"\*(?:About )?(\d+) minutes", title)[1]) == from_readme()[path.name[:2]]


@pytest.mark.parametrize(("name", "column"), [("Half a day", 1), ("A day", 2)])
def test_a_plan_does_the_lessons_that_the_map_marks_in_their_minutes(name: str, column: int):
    marked = {number: row[0] for number, row in from_map().items() if row[column] == "●"}
    assert in_full(name) == marked
    shown = {number for number, row in from_map().items() if "shown" in row[column]}
    assert shown == {re.search(r"\d\d", what)[0] for _, _, what in plan(name) if "shown" in what}


@pytest.mark.parametrize("name", PLANS)
def test_each_row_of_a_plan_begins_when_the_one_before_it_ends(name: str):
    rows = [(60 * int(begin.split(":")[0]) + int(begin.split(":")[1]), minutes) for begin, minutes, _ in plan(name)]
    assert [begin + minutes for begin, minutes in rows[:-1]] == [begin for begin, _ in rows[1:]]


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_has_a_reserve_of_a_quarter(name: str):
    found = [(RESERVE.search(what), minutes) for _, minutes, what in plan(name)]
    reserve = sum(int(match[1] or minutes) for match, minutes in found if match)
    assert reserve >= sum(in_full(name).values()) / 4
