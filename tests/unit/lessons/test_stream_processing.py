"""Lesson 11: its data, totals, pictures and messages. Nothing is started; quixstreams is not needed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from kafka import TopicPartition
from workshop.base.errors import WorkshopError
from workshop.kafka import name_prefix
from workshop.lessons.stream_processing import (
    applications,
    checks,
    completion,
    environment,
    experiments,
    instance,
    instances,
    live,
    payments,
    pictures,
    unseen,
)
from workshop.notebook.exercises import CheckFailed

HOUR = payments.HOUR_MS


def test_a_week_has_the_hour_and_the_cents_of_each_payment():
    rows = payments.week()
    assert rows["cents"].sum() == (rows["TX_AMOUNT"] * 100).round().sum()
    assert (rows["hour"] % HOUR == 0).all()
    first = rows.iloc[0]
    assert first["hour"] == int(first["at"].floor("h").timestamp() * 1000)
    assert sum(payments.batch(rows).values()) == rows["cents"].sum()


def test_a_share_arrives_late_and_none_is_lost():
    rows = payments.week()
    arrived = payments.delayed(rows)
    late = experiments.minutes_late(arrived)
    assert 0.04 < len(late) / len(rows) < 0.06
    assert max(late) <= payments.LATEST.total_seconds() / 60
    assert arrived["arrival"].is_monotonic_increasing
    assert sorted(arrived["TRANSACTION_ID"]) == sorted(rows["TRANSACTION_ID"])


def test_a_limit_is_that_of_the_moment():
    limits = payments.limits(["a", "b"])
    before, after = datetime(2018, 6, 14, 11, 59, tzinfo=UTC), datetime(2018, 6, 14, 12, tzinfo=UTC)
    assert payments.limit_at(limits, "b", before) == 15_000
    assert payments.limit_at(limits, "b", after) == 6_000
    assert payments.limit_at(limits, "a", after) == 15_000
    assert payments.limit_at(limits, "a", before - timedelta(days=30)) is None
    assert limits[0].key() == b"a"
    assert limits[0].value() == b'{"limit_cents": 15000}'
    assert limits[0].timestamp_ms() == int(limits[0].at.timestamp() * 1000)
    assert limits[0].headers() == [("type", b"LimitSet")]


def test_the_unseen_log_separates_right_from_wrong_jobs():
    rows = unseen.busy_cards()
    right = unseen.alarms(rows)
    last = rows.groupby("card")["hour"].max().to_dict()
    assert 10 < len(right) < rows.groupby(["card", "hour"]).ngroups
    assert any(last[card] == hour for card, hour in right)  # `final()` does not deliver these
    newest = rows.groupby("card")["at"].cummax().astype("datetime64[ms]").astype("int64")
    in_time = rows[rows["hour"] > newest - HOUR]
    assert unseen.alarms(in_time) != right  # a grace of 0
    assert ((rows["arrival"] - rows["at"]) <= timedelta(minutes=unseen.LATE_MINUTES)).all()


def test_the_smallest_grace_is_between_none_and_the_longest_delay():
    rows = unseen.on_trains()
    needed = unseen.smallest_grace(rows, checks.SHARE)
    assert unseen.counted(rows, needed) >= checks.SHARE * len(rows) > unseen.counted(rows, needed - 1)
    assert checks.TOO_LONG < needed < max(experiments.minutes_late(rows)) - checks.TOO_LONG
    assert unseen.counted(rows, 6 * 60) == len(rows)


def test_the_unseen_limits_need_history_and_payments_without_a_limit():
    limits, made = unseen.changing_limits()
    right = unseen.expected_limits(limits, made)
    assert None in right.values()
    newest = {one.card: one.limit_cents for one in sorted(limits, key=lambda one: one.at)}
    assert sum(limit != newest.get(one.card) for one, limit in zip(made, right.values(), strict=True)) > len(made) / 2
    assert len({one.payment_id for one in made}) == len(made)
    forgotten = [one for one in made[-6:] if not _within_a_week(limits, one)]
    assert forgotten  # the default `grace_ms` of a join has dropped their limit


def _within_a_week(limits: list, payment: object) -> bool:
    newest = max(one.at for one in limits if one.card == payment.card)
    valid = max(one.at for one in limits if one.card == payment.card and one.at <= payment.at)
    return newest - valid <= timedelta(days=7)


def test_topics_with_a_prefix_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(name_prefix, "_ours", "alice-")
    with pytest.raises(WorkshopError, match="not available with an existing Kafka"):
        applications.settings(SimpleNamespace(), "group")


def test_temporary_states_are_deleted_when_the_kernel_ends(tmp_path: Path):
    code = "from workshop.lessons.stream_processing import applications as a; open(a._scratch().name + '/state', 'w')"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_an_application_is_stopped_after_the_last_record():
    until = applications.UntilTheEnd({("t", 0): 4, ("t", 1): 0})
    stopped: list[str] = []
    until.application = SimpleNamespace(stop=lambda: stopped.append("stop"))
    until("t", 0, 3)
    until("t", 1, 0)
    until("other", 0, 99)
    assert not stopped
    until("t", 0, 4)
    assert stopped == ["stop"]


def test_partitions_are_those_of_the_topic_and_of_a_settled_group():
    def member(*assigned: tuple[str, list[int]]) -> dict:
        parts = [{"topic": topic, "partitions": numbers} for topic, numbers in assigned]
        return {"member_assignment": {"assigned_partitions": parts}}

    members = [member(("in", [0, 2]), ("changelog__x", [0, 2])), member(("in", [1])), {"member_assignment": ""}]
    group = {"group_state": "Stable", "members": members}
    assert experiments.partitions_of_members(group, "in") == [[0, 2], [1], []]
    assert experiments.partitions_of_members({**group, "group_state": "PreparingRebalance"}, "in") == []


def test_the_input_of_a_group_has_no_changelogs_and_is_unknown_during_a_rebalance():
    parts = [{"topic": "in", "partitions": [0, 2]}, {"topic": "changelog__g--in", "partitions": [0, 2]}]
    members = [{"member_assignment": {"assigned_partitions": parts}}, {"member_assignment": ""}]
    group = {"group_state": "Stable", "members": members}
    assert completion.assigned(group) == [TopicPartition("in", 0), TopicPartition("in", 2)]
    assert completion.assigned({**group, "group_state": "PreparingRebalance"}) == []


def test_an_input_is_read_when_each_of_its_partitions_is_committed_to_its_end():
    first, second, empty = (TopicPartition("in", number) for number in range(3))
    begins, ends = {first: 5, second: 0, empty: 0}, {first: 15, second: 10, empty: 0}
    assert completion.progress({}, begins, ends) == (0, 20)
    assert completion.progress({first: 15, second: -1}, begins, ends) == (10, 20)
    # More than the end: the topic has grown since its end was noted. It makes up for nothing in another partition.
    assert completion.progress({first: 99, second: 4}, begins, ends) == (14, 20)
    assert completion.progress({first: 15, second: 10}, begins, ends) == (20, 20)


def test_windows_are_shown_as_a_table():
    table = experiments.tables([{"_key": "card-1", "_offset": 3, "start": 0, "end": HOUR, "value": 5}])
    assert list(table.columns) == ["key", "start", "end", "value"]
    assert table["end"][0] == pd.Timestamp("1970-01-01 01:00")


def test_captions_tell_the_difference_to_the_cent():
    batch = {("card-1", 0): 1_000, ("card-1", HOUR): 250}
    assert "equal to the cent" in pictures.comparison(dict(batch), batch)
    assert pictures.comparison({("card-1", 0): 999}, batch).endswith("2 windows differ")
    drawn = pictures.spend(batch)
    assert drawn.alt == "2 windows; the highest spend in one hour of 01 January 1970 is 10.00 €, by card-1 from 0:00"
    assert pictures.spend({}).alt == "no window has arrived yet"
    closed = pictures.closed({"key": {("card-1", 0): 1_000}, "partition": batch}, batch)
    assert [text.get_text() for text in closed.figure.axes[0].texts] == ["50.0%", "100.0%"]
    assert pictures.lateness([10, 20, 300], 60).alt.startswith("1 of 3 late payments")


def test_the_last_update_of_a_window_counts():
    def update(key: bytes, value: int) -> SimpleNamespace:
        return SimpleNamespace(key=key, value=b'{"start": 0, "end": 3600000, "value": %d}' % value)

    found: dict = {}
    live.note(found, [update(b"a", 1), update(b"b", 5), update(b"a", 3)])
    assert found == {("a", 0): 3, ("b", 0): 5}


def test_the_first_cell_names_the_kernel_to_choose(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment.environment, "is_current", lambda settings: True)
    with pytest.raises(WorkshopError, match="kernel of the other lessons") as raised:
        environment.needed()
    assert "Kernel ▸ Change Kernel… ▸ Python (stream processing)" in raised.value.next_step


def test_the_first_cell_installs_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(environment.environment, "is_current", lambda settings: False)
    monkeypatch.setattr(environment.environment, "install", lambda settings, tell: tell("Downloading rocksdict"))
    with pytest.raises(WorkshopError, match="installed now") as raised:
        environment.needed()
    assert "Kernel ▸ Restart Kernel…" in raised.value.next_step
    assert "Downloading rocksdict" in capsys.readouterr().out


def test_the_first_cell_is_silent_in_the_right_kernel(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(environment.environment, "is_current", lambda settings: True)
    monkeypatch.setattr(environment.environment, "is_here", lambda settings: True)
    monkeypatch.setattr(environment.importlib, "import_module", lambda name: warnings.warn(name, stacklevel=1))
    environment.needed()
    assert capsys.readouterr().out == ""


def build(app: object, *topics: str) -> None:
    """Build nothing."""


def test_an_instance_is_a_process_that_is_killed_and_checked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(instances, "python", lambda settings: sys.executable)
    monkeypatch.setattr(instances, "MODULE", "timeit")  # `python -m timeit FILE` ends at once with an error
    ws = SimpleNamespace(confluent=lambda: {"bootstrap.servers": "127.0.0.1:1"})
    with instances.Instance(ws, "group", build, "in", "out", commit_every=5) as one:
        job = pickle.loads((one.folder / "job").read_bytes())  # noqa: S301
        assert isinstance(job, instance.Job)
        assert (job.name, job.arguments, job.options["commit_every"]) == ("build", ("in", "out"), 5)
        assert job.source.startswith("def build(app")
        one._process.wait(60)
        with pytest.raises(WorkshopError, match=f"pid {one.pid} has ended"):
            one.check()
    assert not one.folder.exists()


def test_an_instance_ends_with_the_kernel(monkeypatch: pytest.MonkeyPatch):
    reader, writer = os.pipe()
    ended: list[int] = []
    monkeypatch.setattr(os, "read", lambda descriptor, size: b"")
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(instance.threading, "Thread", lambda target, daemon: SimpleNamespace(start=target))
    instance.end_with_the_kernel()
    os.close(reader)
    os.close(writer)
    assert ended == [0]


@pytest.mark.parametrize(
    ("answer", "minutes"),
    [
        (5, 5),
        (2.5, 2.5),
        (timedelta(hours=1), 60),
        ("5", None),
        (np.timedelta64(90, "s"), 1.5),
        (True, None),
        (float("nan"), None),
    ],
)
def test_a_grace_is_a_number_of_minutes(answer: object, minutes: float | None):
    assert checks._minutes(answer) == minutes


def test_places_are_named_even_if_a_start_is_odd():
    assert checks._place(("card-1", HOUR)) == "card-1 at 01 Jan 01:00"
    assert checks._place(("card-1", "soon")) == "card-1 at 'soon'"


def test_questions_have_one_right_letter_each(strict_checks: None):
    with pytest.raises(CheckFailed, match="A restart reads nothing new"):
        checks.questions("aca")
    assert "passed" in str(checks.questions("bca"))


@pytest.fixture
def strict_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make failed checks raise, and record no progress."""
    from workshop.notebook.exercises import engine

    settings = replace(engine.Settings.load(), strict=True)
    monkeypatch.setattr(engine.Settings, "load", lambda: settings)
