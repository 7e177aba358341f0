"""A table of known texts: the first row counts, and every text has one."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from workshop.base.diagnosis import DISK, PORT_TAKEN, Diagnosis, diagnose

INFRA = Path(__file__).resolve().parents[3] / "infra"
TABLE = (Diagnosis(DISK, "The disk is full.", "Free some space."), Diagnosis("", "", "Run `workshop logs {name}`."))


def tables() -> list[tuple[str, tuple[Diagnosis, ...]]]:
    """Each table of a module, with its name."""
    found = []
    for file in sorted((INFRA / "workshop").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "Diagnosis(" not in text or file.name == "diagnosis.py":
            continue
        module = importlib.import_module(".".join(file.relative_to(INFRA).with_suffix("").parts))
        assigned = (node.targets[0] for node in ast.parse(text).body if isinstance(node, ast.Assign))
        names = [target.id for target in assigned if isinstance(target, ast.Name)]
        values = ((f"{module.__name__}.{name}", getattr(module, name)) for name in names)
        found += [(n, v) for n, v in values if isinstance(v, tuple) and v and isinstance(v[0], Diagnosis)]
    return found


TABLES = tables()


def test_the_first_row_that_occurs_counts():
    assert diagnose("write: No space left on device", TABLE, name="x").advice == "The disk is full. Free some space."
    assert diagnose("other", TABLE, name="kafka-1").advice == "Run `workshop logs kafka-1`."


@pytest.mark.parametrize(
    "text",
    ["java.net.BindException: Address already in use", "bind: address already in use", "port is already allocated"],
)
def test_a_port_that_was_taken(text: str):
    assert diagnose(text, (Diagnosis(PORT_TAKEN, "taken", ""), Diagnosis("", "other", ""))).fact == "taken"


def test_the_tables_are_found():
    assert len(TABLES) == 12


@pytest.mark.parametrize(("name", "table"), TABLES, ids=[name for name, _ in TABLES])
def test_every_text_has_a_row_and_every_row_a_next_step(name: str, table: tuple[Diagnosis, ...]):
    assert table[-1].pattern == ""
    assert all(row.pattern for row in table[:-1])
    assert all(row.next_step for row in table)
