"""What `workshop down` prints while it waits, and which processes it cuts short."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from workshop.base.processes import _all_saved
from workshop.base.stopping import Stopping


def test_a_stop_that_takes_long_is_told_and_each_step_of_it_once() -> None:
    console = Console(record=True, width=100)
    told = Stopping(console)
    for names, seconds in (
        (["kafka-1", "kafka-2"], 0.5),
        (["kafka-1", "kafka-2"], 2.1),
        (["kafka-1", "kafka-2"], 5.0),
        (["kafka-2"], 6.0),
        (["kafka-2"], 15.0),
        (["kafka-2"], 16.1),
        (["kafka-2"], 3.0),  # the next stop
    ):
        told(names, seconds)
    assert console.export_text().splitlines() == [
        "Waiting for kafka-1, kafka-2 to stop (2 s) …",
        "Waiting for kafka-2 to stop (6 s) …",
        "Waiting for kafka-2 to stop (16 s) …",
        "Waiting for kafka-2 to stop (3 s) …",
    ]


def test_brokers_are_cut_short_only_when_all_of_them_have_closed_their_logs(tmp_path: Path) -> None:
    files = {"kafka-1": tmp_path / "one", "kafka-2": tmp_path / "two", "node-agent": None}
    assert _all_saved(files) == set()
    files["kafka-1"].write_text("{}")
    files["kafka-2"].touch()  # made, and not written yet
    assert _all_saved(files) == set()
    files["kafka-2"].write_text("{}")
    assert _all_saved(files) == {"kafka-1", "kafka-2"}
    assert _all_saved({"node-agent": None}) == set()
