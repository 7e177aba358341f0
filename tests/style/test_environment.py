"""Each variable that configures the project is read in one module; the exceptions have reasons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

INFRA = Path(__file__).resolve().parents[2] / "infra"
PACKAGES = ("workshop", "services", "node_agent")
NAME = re.compile(r"WORKSHOP_[A-Z_]+")
SETTINGS = "workshop/base/settings.py"
# Modules that name a variable: they mark processes, and no setting is read from these variables.
MARKS = {
    "workshop/base/processes.py": {"WORKSHOP_COMPONENT", "WORKSHOP_COMPONENT_PID"},
    "node_agent/kubelet/node.py": {"WORKSHOP_NODE"},
    "node_agent/kubelet/pod.py": {"WORKSHOP_POD"},
    "workshop/base/incidents.py": {"WORKSHOP_STATE"},  # it reports errors of the settings, so it cannot load them
    "workshop/stack/doctor.py": {"WORKSHOP_JAVA"},  # printed
}
# Modules that use the environment of the process.
READERS = {
    SETTINGS,
    "services/runtime/settings.py",
    "workshop/base/environment.py",  # variables of the operating system
    "workshop/base/incidents.py",  # see above
    "workshop/stack/toolchain/go.py",  # its text is part of the node image's key: an edit compiles everything again
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module of the packages with its path."""
    for file in sorted(path for package in PACKAGES for path in (INFRA / package).rglob("*.py")):
        yield file.relative_to(INFRA).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def named(tree: ast.Module) -> set[str]:
    """Return the variables that a module names by themselves, not within a sentence."""
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    keywords = (node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg)
    return {text for text in (*texts, *keywords) if NAME.fullmatch(text)}


def uses_the_environment(tree: ast.Module) -> bool:
    """Whether a module uses `os.environ` or `os.getenv`."""
    attributes = (
        node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    )
    imported = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "os")
    return any(isinstance(node.value, ast.Name) and node.value.id == "os" for node in attributes) or any(
        alias.name in ("environ", "getenv") for node in imported for alias in node.names
    )


def test_one_module_names_the_variables_of_the_workshop():
    found = {path: names for path, tree in trees() if path != SETTINGS and (names := named(tree))}
    assert found == MARKS


def test_one_module_per_process_reads_the_environment():
    assert {path for path, tree in trees() if uses_the_environment(tree)} == READERS


def test_the_rules_find_their_examples():
    assert named(ast.parse("x = env['WORKSHOP_PACE']; y = dict(WORKSHOP_STATE='')")) == {
        "WORKSHOP_PACE",
        "WORKSHOP_STATE",
    }
    assert named(ast.parse("x = 'Set WORKSHOP_PACE.'")) == set()
    assert uses_the_environment(ast.parse("import os\nx = os.getenv('X')"))
    assert uses_the_environment(ast.parse("from os import environ"))
    assert not uses_the_environment(ast.parse("x = process.environ()"))
