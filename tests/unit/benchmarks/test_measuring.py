"""Helpers of the benchmarks."""

from __future__ import annotations

import os

import psutil
import pytest
from benchmarks.measuring import memory_mb, timed, unseen
from workshop.base.errors import WorkshopError


def test_a_failed_command_is_an_error_with_its_message():
    with pytest.raises(WorkshopError, match="`workshop earthquake` ended with exit code") as error:
        timed(dict(os.environ), "earthquake")
    assert "earthquake" in error.value.detail


def test_memory_is_the_sum_of_the_processes():
    one = psutil.Process()
    assert memory_mb([]) == 0
    assert memory_mb([one, one]) > memory_mb([one]) > 1


def test_output_is_suppressed(capsys: pytest.CaptureFixture):
    with unseen():
        print("a picture")
    assert capsys.readouterr().out == ""
