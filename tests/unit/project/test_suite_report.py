"""The suite's table of parts: a part that did not end is not reported as passed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from suite.report import Report


def ended(nodeid: str, outcome: str = "passed") -> list[SimpleNamespace]:
    """The reports of one test."""
    phases = [("setup", "passed"), ("call", outcome), ("teardown", "passed")]
    return [
        SimpleNamespace(nodeid=nodeid, when=when, outcome=how, failed=how == "failed", duration=1.0)
        for when, how in phases
    ]


@pytest.fixture
def table():
    """Returns the rows of the table after these tests were collected and those have ended."""

    def rows(collected: list[str], reports: list[SimpleNamespace]) -> dict[str, str]:
        lines: list[str] = []
        printer = SimpleNamespace(ensure_newline=lambda: None, write_line=lambda line: None, section=lambda title: None)
        report = Report()
        report.printer = printer
        report.pytest_xdist_node_collection_finished(collected)
        for one in reports:
            report.pytest_runtest_logreport(one)
        report.pytest_terminal_summary(SimpleNamespace(section=lambda title: None, write_line=lines.append))
        return {line.split()[0]: line.split("   ")[-1].strip() for line in lines[1:-1]}

    return rows


UNIT = ["tests/unit/test_a.py::test_one", "tests/unit/test_a.py::test_two"]


def test_a_part_whose_tests_all_ended_is_passed_or_failed(table):
    assert table(UNIT, [*ended(UNIT[0]), *ended(UNIT[1])]) == {"unit": "passed"}
    assert table(UNIT, [*ended(UNIT[0]), *ended(UNIT[1], "failed")]) == {"unit": "FAILED"}


def test_a_part_that_was_interrupted_tells_how_many_tests_are_missing(table):
    assert table(UNIT, ended(UNIT[0])) == {"unit": "1 NOT RUN"}
    assert table(UNIT, ended(UNIT[0], "failed")) == {"unit": "FAILED, 1 not run"}


def test_a_part_that_did_not_begin_is_in_the_table(table):
    lesson = "solutions/03_replication.ipynb::Cell 0"
    assert table([UNIT[0], lesson], ended(UNIT[0])) == {"unit": "passed", "lessons": "1 NOT RUN"}
