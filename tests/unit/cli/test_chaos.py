"""The words of `workshop chaos`: rates, durations, and steps within a time."""

from __future__ import annotations

import argparse
import itertools
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.cli import chaos
from workshop.cli.main import build_parser


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("0.5", 0.5), ("1000", 1000.0), ("1e2", 100.0)])
def test_a_number_above_zero_is_taken(text: str, value: float):
    assert chaos._positive(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "1000.1", "nan", "inf", "many", ""])
def test_another_number_is_refused(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number above 0"):
        chaos._positive(text)


def test_steps_begin_within_the_time_only(monkeypatch: pytest.MonkeyPatch):
    now = itertools.count()
    monkeypatch.setattr(chaos, "time", SimpleNamespace(monotonic=lambda: next(now)))
    steps = chaos._for_so_long(itertools.repeat(("leader",)), 4)
    assert len(list(steps)) == 3


def test_an_unknown_fault_is_refused_before_anything_is_connected(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chaos, "connect", lambda: pytest.fail("connected"))
    options = build_parser().parse_args(["chaos", "run", "no-such-fault"])
    with pytest.raises(WorkshopError, match="no-such-fault"):
        options.run(settings, options)


def test_the_list_names_every_fault(settings: Settings, capsys: pytest.CaptureFixture[str]):
    from workshop.chaos.faults import FAULTS

    chaos.show(settings, argparse.Namespace())
    printed = capsys.readouterr().out
    assert all(name in printed for name in FAULTS)
