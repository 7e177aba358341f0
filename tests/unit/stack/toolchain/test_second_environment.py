"""Environments beside `.venv`: progress and errors of uv, as an attendee reads them."""

from __future__ import annotations

import pytest
from workshop.stack.toolchain import second_environment


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("error: No space left on device (os error 28)", "The disk is full"),
        ("Hash mismatch for `rocksdict==0.3.29`", "does not match its pinned hash"),
        ("because rocksdict was not found in the provided package locations", "The bundle lacks a package"),
        ("error sending request for url", "Check the network"),
    ],
)
def test_output_of_uv_becomes_advice(said: str, step: str):
    error = second_environment.failure(second_environment.UvFailed(said), "The environment of lesson 11", "`again`")
    assert error.happened == "The environment of lesson 11 could not be installed."
    assert step in error.next_step


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Downloading rocksdict (4.0MiB)", "Downloading rocksdict (4.0MiB)"),
        (" Downloaded rocksdict", "Downloaded rocksdict"),
        ("Prepared 18 packages in 1.54s", "Prepared 18 packages in 1.54s"),
        (" + rocksdict==0.3.29", None),
    ],
)
def test_progress_is_read_from_uvs_output(line: str, told: str | None):
    found = second_environment.PROGRESS.match(line)
    assert (found[1] if found else None) == told
