"""A run as people read it: seconds, the line of the moment, and the verdict."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console
from workshop.chaos import report
from workshop.chaos.day import Day
from workshop.chaos.faults import FAULTS
from workshop.chaos.figures import Step
from workshop.chaos.ledger import Attempt, Entry
from workshop.chaos.reconcile import ACKNOWLEDGED, Promise, reconcile

BEGAN = 1_000.0


def day(*entries: Entry, debited: int = 0) -> Day:
    ledger = SimpleNamespace(refresh=lambda: {one.payment_id: one for one in entries}, path="/ledger.jsonl")
    seen = SimpleNamespace(seen=[(BEGAN, f"id-{n}", 100) for n in range(debited)])
    nothing = SimpleNamespace(seen=[])
    customers = SimpleNamespace(ledger=ledger)
    made = Day("day-1", SimpleNamespace(), customers, seen, nothing, nothing, lambda day: None, BEGAN)
    made.ended = BEGAN + 100
    return made


def entry(number: int, *attempts: Attempt) -> Entry:
    return Entry(f"id-{number}", f"key-{number}", "card", 100, BEGAN + number, list(attempts))


def printed(thing: object) -> str:
    out = io.StringIO()
    Console(file=out, width=140).print(thing)
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "text"), [(float("nan"), "–"), (0.0, "0 ms"), (0.1234, "123 ms"), (1.0, "1.0 s"), (75.26, "75.3 s")]
)
def test_seconds_are_written_in_a_unit_that_can_be_read(value: float, text: str):
    assert report.seconds(value) == text


def test_the_line_of_a_moment_counts_payments_and_names_the_fault():
    failed, good = Attempt(BEGAN + 1, 0.1, 503), Attempt(BEGAN + 2, 0.5, 201)
    seen = day(entry(0, Attempt(BEGAN, 0.25, 201)), entry(1, failed, good), debited=1)
    assert report.line(seen) == "2 acknowledged, 1 debited, 1 on the way, 1 asked again, p95 1.5 s; calm"
    seen.steps.append(Step(("leader", "pod"), BEGAN + 3))
    assert report.line(seen).endswith("; leader+pod")


def test_more_debits_than_acknowledgements_are_not_a_negative_number():
    assert "0 on the way" in report.line(day(debited=5))
    assert report.line(day()).startswith("0 acknowledged, 0 debited, 0 on the way, 0 asked again, p95 –")


@pytest.mark.parametrize(("well", "sign", "said"), [(BEGAN + 9, "✓", "well after 8.0 s"), (None, "✗", "not well yet")])
def test_a_step_says_whom_it_hit_and_whether_all_is_well(well: float | None, sign: str, said: str):
    step = Step(("leader",), BEGAN + 1, ("broker 2",), BEGAN + 5, well)
    assert report.of_step(day(), step).plain.startswith(f"{sign} leader (broker 2): {said}; longest gap")


def verdict(seen: Day) -> list[str]:
    return [text.plain for text in report.verdict(seen)]


def test_a_run_that_did_not_come_to_its_end_proves_nothing():
    assert verdict(day()) == ["The run was aborted; there is no verdict."]


def test_a_kept_promise_is_one_sentence():
    seen = day()
    seen.result = reconcile([Promise("a", 5, ACKNOWLEDGED)], [("a", 5)])
    (line,) = verdict(seen)
    assert line.startswith("✓ 1 payments acknowledged, 0.05 €")


def test_a_broken_promise_names_the_ledger():
    seen = day()
    seen.result = reconcile([Promise("a", 5, ACKNOWLEDGED)], [])
    first, last = verdict(seen)
    assert first.startswith("✗ ")
    assert last.startswith("→ The ledger is /ledger.jsonl")


@pytest.mark.parametrize(
    ("times", "sign"), [({(0, 1): 1, (0, 2): 1}, "✓ 2 of 2"), ({(0, 1): 2, (0, 2): 1}, "✗ 1 of 2")]
)
def test_each_unreadable_record_lies_once_among_the_dead_letters(times: dict, sign: str):
    seen = day()
    seen.result = reconcile([], [])
    seen.set_aside = times
    assert verdict(seen)[1].startswith(f"{sign} unreadable records")
    assert seen.kept == sign.startswith("✓")


def test_the_report_has_figures_the_matrix_and_the_verdict():
    seen = day(entry(0, Attempt(BEGAN, 0.25, 201)))
    seen.result = reconcile([Promise("id-0", 100, ACKNOWLEDGED)], [("id-0", 100)])
    text = printed(report.report(seen))
    for word in ("before", "during", "after", "not debited", "twice or more", "acknowledged", "✓ "):
        assert word in text


def test_the_catalogue_has_every_fault():
    text = printed(report.catalogue())
    assert all(name in text for name in FAULTS)
