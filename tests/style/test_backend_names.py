"""No module decides by the name of a backend: the decision belongs behind the backends' protocols."""

from __future__ import annotations

import ast
from pathlib import Path

from workshop.base.settings import BACKENDS

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("infra/workshop", "infra/services", "infra/node_agent")
CHOICE = "infra/workshop/stack/backends/choice.py"  # turns the name in the settings into a backend


def compared(tree: ast.Module) -> list[int]:
    """Return the lines in which the name of a backend is compared, matched, or looked up in a dictionary."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found += [node.lineno] if _is_name(*_parts(node)) else []
        elif isinstance(node, ast.Match):
            patterns = [part.value for part in ast.walk(node) if isinstance(part, ast.MatchValue)]
            found += [node.lineno] if _is_name(node.subject, *patterns) else []
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            found += [node.lineno] if _is_name(node.slice, *(key for key in node.value.keys if key)) else []
    return sorted(found)


def _parts(node: ast.Compare) -> list[ast.expr]:
    return [
        part
        for side in (node.left, *node.comparators)
        for part in (side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side])
    ]


def _is_name(*parts: ast.expr) -> bool:
    attribute = any(isinstance(part, ast.Attribute) and part.attr in ("name", "backend") for part in parts)
    return attribute and any(isinstance(part, ast.Constant) and part.value in BACKENDS for part in parts)


def test_no_module_decides_by_the_name_of_a_backend():
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in files
        if (lines := compared(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert set(found) == {CHOICE}, found


def test_the_rule_finds_its_examples():
    assert compared(ast.parse("if backend.name == 'kind': pass")) == [1]
    assert compared(ast.parse("x = settings.backend in ('local', 'kind')")) == [1]
    assert compared(ast.parse("match backend.name:\n  case 'kind': pass")) == [1]
    assert compared(ast.parse("x = {'kind': 1, 'local': 2}[backend.name]")) == [1]
    assert compared(ast.parse("print(f'backend {backend.name}'); pod.name == 'payments'")) == []
