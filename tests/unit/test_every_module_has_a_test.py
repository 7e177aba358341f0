"""Every module that does something is imported by a unit test; the exceptions are named, and can only become fewer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("workshop", "services", "node_agent")
# Modules that no unit test imports. Do not add a name: write a test.
WITHOUT: set[str] = set()


def _does_something(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function has more than a docstring; the methods of a protocol have none."""
    first, *more = function.body
    return bool(more) or not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant))


def _modules() -> Iterator[str]:
    """The modules of the rooms with at least one function or method."""
    for file in sorted(path for room in ROOMS for path in (ROOT / "infra" / room).rglob("*.py")):
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        tree = ast.parse(file.read_text())
        if any(_does_something(node) for node in ast.walk(tree) if isinstance(node, functions)):
            parts = file.relative_to(ROOT / "infra").with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported() -> set[str]:
    """The modules that unit tests name in an import, and the names that they import from them."""
    found: set[str] = set()
    for file in (ROOT / "tests" / "unit").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_named_modules_have_no_test():
    assert set(_modules()) - _imported() == WITHOUT
