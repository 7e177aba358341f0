"""Kernels of the suite: failing commands are errors, and hanging cells are interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from suite import lane, patience
from suite.kernel import PatientKernel


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[PatientKernel]:
    lane.current()  # sets the IPython profile of the kernel
    kernel = PatientKernel(tmp_path, tmp_path / "kernel.log")
    yield kernel
    kernel.kc.stop_channels()
    kernel.km.shutdown_kernel(now=True)


def test_a_failing_command_is_an_error_and_a_hanging_cell_is_interrupted(kernel: PatientKernel):
    assert kernel.execute("!exit 3", patience.CELL).error == "CalledProcessError"
    assert kernel.execute("import os; assert os.environ['WORKSHOP_STRICT'] == '1'", patience.CELL).error == ""
    hung = kernel.execute("import time\ndef wait_for_ever():\n    time.sleep(3600)\nwait_for_ever()", 20)
    assert hung.error == "TimeoutError"
    assert "in wait_for_ever" in hung.trace
    assert kernel.execute("1 + 1", patience.CELL).error == ""
