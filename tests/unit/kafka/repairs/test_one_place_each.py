"""Each method of kafka-python is replaced in one place: a second replacement would undo the first."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from workshop.kafka import repairs


def replaced(source: str) -> list[str]:
    """Return the targets `Class.method` that a module assigns."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for target in node.targets if isinstance(node, ast.Assign) else []:
            if (
                isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id[0].isupper()
            ):
                found.append(ast.unparse(target))
    return found


def test_no_method_is_replaced_twice() -> None:
    folder = Path(repairs.__path__[0])
    count = Counter(name for file in folder.glob("*.py") for name in replaced(file.read_text()))
    assert count
    assert [name for name, times in count.items() if times > 1] == []
