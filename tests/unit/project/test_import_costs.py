"""What an import brings along: the command starts, and a Kafka client works, without the code of what they do not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"IPython", "kafka", "kubernetes", "matplotlib", "numpy", "pandas", "psutil", "rich", "sklearn"}


def imported_by(module: str) -> set[str]:
    """Return the names of all modules that a fresh Python has after it imported one."""
    program = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_the_package_by_itself_imports_nothing_heavy() -> None:
    found = imported_by("workshop")
    assert not found & HEAVY
    assert [name for name in found if name.startswith("workshop.")] == []


@pytest.mark.parametrize("module", ["workshop.kafka.handle", "workshop.kafka.replicas", "workshop.kafka.produce"])
def test_the_kafka_handle_imports_no_code_of_the_stack(module: str) -> None:
    found = imported_by(module)
    assert not found & (HEAVY - {"kafka", "psutil"})
    rooms = {".".join(name.split(".")[:2]) for name in found if name.startswith("workshop.")}
    assert rooms <= {"workshop.base", "workshop.domain", "workshop.kafka"}
    assert not {name for name in found if name.startswith(("node_agent", "services"))}
