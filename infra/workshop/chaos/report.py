"""Report of a run for the terminal: figures of each fault, before, during and after, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workshop.chaos.day import Day
from workshop.chaos.faults import FAULTS
from workshop.chaos.figures import Figures, Step, percentile
from workshop.chaos.reconcile import OUTCOMES, Reconciled

PLAIN: dict[str, Any] = {"box": None, "padding": (0, 2, 0, 0), "header_style": "dim"}
TIMES = {0: "not debited", 1: "debited once", 2: "twice or more"}


def catalogue() -> Table:
    """Return a table of all faults."""
    table = Table("fault", "what happens", "repaired after", **PLAIN)
    for fault in FAULTS.values():
        table.add_row(fault.name, fault.does, f"{fault.lasts:g} s")
    return table


def line(day: Day) -> str:
    """Return the current state of a run in one line."""
    entries = day.entries
    acknowledged = [at - entry.at for entry in entries if (at := entry.acknowledged_at) is not None]
    debits = len(list(day.debited.seen))
    waiting, again = len(acknowledged) - debits, sum(len(entry.attempts) - 1 for entry in entries if entry.attempts)
    now = day.steps[-1].word if day.steps and day.steps[-1].well is None else "calm"
    said = f"{len(acknowledged):,} acknowledged, {debits:,} debited, {max(0, waiting)} on the way, {again} asked again"
    return f"{said}, p95 {seconds(percentile(acknowledged[-200:], 0.95))}; {now}"


def of_step(day: Day, step: Step) -> Text:
    """Return the figures of a step in one line."""
    found, hit = day.of_step(step), ", ".join(step.victims)
    after = f"well after {step.well - step.began:.1f} s" if step.well else "not well yet"
    cost = f"longest gap {seconds(found.gap)}, p95 {seconds(found.p95)}, {found.again} asked again"
    return Text.assemble(
        ("✓ " if step.well else "✗ ", "green" if step.well else "red"), f"{step.word} ({hit}): {after}; {cost}"
    )


def report(day: Day) -> Group:
    """Return the report of a whole run: figures, matrix, verdict."""
    parts: list[RenderableType] = [
        _figures(day),
        Text(),
        *((matrix(day.result), Text()) if day.result else ()),
        *verdict(day),
    ]
    return Group(*parts)


def matrix(found: Reconciled) -> Table:
    """Return a table of the outcomes for customers against the number of debits."""
    table = Table("payments", *TIMES.values(), **PLAIN)
    for outcome in OUTCOMES:
        table.add_row(outcome, *(f"{found.matrix[outcome, times]:,}" for times in TIMES))
    return table


def verdict(day: Day) -> Iterable[Text]:
    """Yield sentences that state whether every acknowledged payment was debited once."""
    if not day.result:
        yield Text("The run was aborted; there is no verdict.", style="red")
        return
    yield Text.assemble(("✓ ", "green") if day.result.kept else ("✗ ", "red"), day.result.sentence())
    if day.set_aside:
        once = sum(count == 1 for count in day.set_aside.values())
        good = once == len(day.set_aside)
        said = f"{once} of {len(day.set_aside)} unreadable records lie once each among the dead letters."
        yield Text.assemble(("✓ ", "green") if good else ("✗ ", "red"), said)
    if not day.kept:
        yield Text(f"→ The ledger is {day.customers.ledger.path}; the topic `debits` has the rest.")


def seconds(value: float) -> str:
    """Return a duration for people: milliseconds below one second; a dash for nan."""
    if math.isnan(value):
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _figures(day: Day) -> Table:
    table = Table("", "payments", "p95", "longest gap", "asked again", **PLAIN)
    for word, found in day.figures().items():
        table.add_row(word, *_cells(found))
    return table


def _cells(found: Figures) -> tuple[str, ...]:
    return f"{found.payments:,}", seconds(found.p95), seconds(found.gap), str(found.again)
