"""Stream processing on real brokers: bad days of its environment, of its state, and of its kernel."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.kafka import admin
from workshop.kafka.produce import publish
from workshop.lessons.stream_processing import experiments, payments
from workshop.lessons.stream_processing.instances import Instance, wait_until_read
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.stack.streams import environment, kernel

FIRST_CELL = "from workshop.lessons.stream_processing import environment\nenvironment.needed()"


@pytest.fixture(scope="module", autouse=True)
def installed() -> Settings:
    """Install the environment, if it is not there."""
    settings = Settings.load()
    environment.install(settings)
    return settings


@pytest.fixture
def ws(ws: Connection) -> Iterator[Connection]:
    """Delete the test's topics, also the changelogs."""
    yield ws
    experiments.tidy(ws)


def spend(app: Any, payments: str, updates: str) -> None:
    """Sum payments per card and hour."""
    stream = app.dataframe(app.topic(payments, key_deserializer="str"))
    windows = stream.apply(lambda payment: payment["amount_cents"]).tumbling_window(3_600_000).sum().current()
    windows.to_topic(app.topic(updates, key_serializer="str"))


class Spending:
    """A job that sums payments, which arrive in parts."""

    def __init__(self, ws: Connection) -> None:
        self.ws, self.rows, self.sent = ws, payments.week().head(900), 0
        self.topic, self.updates = ws.fresh_topic("payments"), ws.fresh_topic("updates")
        self.group = experiments.new_group(ws, "bad-day")
        self.send(300)
        self.instance = Instance(ws, self.group, spend, self.topic, self.updates, loglevel="ERROR")
        wait_until_read([self.instance], self.topic)

    def send(self, number: int) -> None:
        """Publish the next payments."""
        publish(self.ws, self.topic, story.events(self.rows.iloc[self.sent : self.sent + number]))
        self.sent += number

    def equal_to_the_batch(self) -> bool:
        """Read all payments; compare the sums with those of pandas."""
        wait_until_read([self.instance], self.topic)
        return experiments.totals(self.ws, self.updates) == payments.batch(self.rows.head(self.sent))


@pytest.fixture
def spending(ws: Connection) -> Iterator[Spending]:
    """Run a job that has summed 300 payments."""
    one = Spending(ws)
    with one.instance:
        yield one


def test_a_deleted_changelog_is_created_again(spending: Spending):
    spending.instance.halt()
    (changelog,) = experiments.changelogs(spending.ws, spending.group)
    admin.delete_topics(spending.ws.kafka, lambda name: name == changelog)
    spending.send(300)
    spending.instance.start()
    assert spending.equal_to_the_batch()
    assert experiments.changelogs(spending.ws, spending.group) == [changelog]


def test_a_corrupt_state_folder_is_restored_from_the_changelog(spending: Spending):
    spending.instance.halt()
    files = [path for path in spending.instance.state.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(b"garbage")
    spending.send(300)
    spending.instance.start()
    assert spending.equal_to_the_batch()


def test_a_killed_instance_without_its_state_folder_continues(spending: Spending, capsys: pytest.CaptureFixture):
    spending.instance.kill()
    assert "was killed (SIGKILL)" in capsys.readouterr().out
    spending.instance.delete_state()
    spending.send(300)
    spending.instance.start()
    assert spending.equal_to_the_batch()


def test_late_payments_are_counted_with_a_grace_and_reported_without(ws: Connection):
    """Run in the lesson's environment: counted and dropped payments together are the batch answer."""
    rows = payments.delayed(payments.week().head(900))
    topic = payments.send(ws, rows)
    code = f"""
import json, workshop
from workshop.lessons.stream_processing import environment, experiments as lesson
environment.needed()
ws = workshop.connect()
for grace in (0, 48 * 3_600_000):
    dropped, updates = [], ws.fresh_topic("updates")
    app = lesson.application(ws, "late", {topic!r})
    stream = app.dataframe(app.topic({topic!r}, key_deserializer="str")).apply(lambda one: one["amount_cents"])
    late = lambda value, *more: dropped.append(value)
    windows = stream.tumbling_window(3_600_000, grace_ms=grace, on_late=late).sum().current()
    windows.to_topic(app.topic(updates, key_serializer="str"))
    app.run(timeout=60)
    print(json.dumps([sum(dropped), sum(lesson.totals(ws, updates).values())]))
lesson.tidy(ws)
"""
    (dropped, counted), (none, everything) = map(json.loads, in_the_environment(code).splitlines()[-2:])
    assert dropped > 0
    assert dropped + counted == everything == rows["cents"].sum()
    assert none == 0


def in_the_environment(code: str) -> str:
    """Run code in the lesson's environment; return what it prints."""
    command = [str(environment.python(Settings.load())), "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LATE_START = """
import dataclasses, time, workshop
from datetime import timedelta
from workshop.lessons.stream_processing import applications, checks, environment, experiments as lesson, unseen
environment.needed()
ws = workshop.connect()

def alarms(app, payments, alerts):
    stream = app.dataframe(app.topic(payments, key_deserializer="str"))
    {change}
    cents = stream.apply(lambda payment: payment["amount_cents"])
    windows = cents.tumbling_window(timedelta(hours=1), grace_ms=timedelta(minutes=10)).sum().current()
    windows.filter(lambda one: one["value"] > 50_000).to_topic(app.topic(alerts, key_serializer="str"))

"""


def of_the_check(code: str, change: str = "") -> str:
    """Run code after the definition of a right answer to exercise 11.1; return what it prints."""
    return in_the_environment(LATE_START.format(change=change) + code + "\nlesson.tidy(ws)")


def test_a_job_whose_first_record_comes_late_is_read_to_its_end(ws: Connection):
    """The brokers hold a fetch back for four seconds; a job that is stopped after one second of silence misses everything."""
    said = of_the_check("""
from workshop.lessons.stream_processing.completion import Stop
applications.CONSUMER.update({"fetch.min.bytes": 50_000_000, "fetch.wait.max.ms": 4_000})
topic = lesson.send(ws, unseen.busy_cards())

def copies(run):
    app, copy = applications.endless(ws, lesson.new_group(ws, "late")), ws.fresh_topic("copy")
    app.dataframe(app.topic(topic)).to_topic(app.topic(copy))
    run(app)
    return lesson.count(ws, copy)

def to_the_end(app):
    with Stop(ws, app, [topic], ws.settings.patience):
        app.run()

print(copies(lambda app: app.run(timeout=1)), copies(to_the_end))
""")
    assert said.splitlines() == ["0 576"]


def test_a_job_through_a_repartition_topic_is_read_to_its_end(ws: Connection):
    change = "stream = stream.group_by('card')"
    assert "✓ Exercise 11.1" in of_the_check("print(checks.alarms(ws, alarms))", change)


def test_a_job_that_does_not_get_on_is_called_slow_and_not_wrong(ws: Connection):
    hurried = "ws = dataclasses.replace(ws, settings=dataclasses.replace(ws.settings, patience=1.0))\n"
    said = of_the_check(
        f"{hurried}print(checks.alarms(ws, alarms))", "stream = stream.update(lambda payment: time.sleep(8))"
    )
    assert "for the job to " in said  # get its partitions, or read its input: what one second is too short for
    assert "The machine may be busy: run this cell again." in said
    assert "missing" not in said


def test_instances_that_start_at_the_same_time_share_the_partitions(ws: Connection):
    """Both find the changelog topic missing, and one of them creates it."""
    topic = payments.send(ws, payments.week().head(100))
    for _ in range(3):
        group = experiments.new_group(ws, "together")
        job = (ws, group, spend, topic, ws.fresh_topic("updates"))
        with Instance(*job, loglevel="ERROR") as one, Instance(*job, loglevel="ERROR") as two:
            first, second = experiments.wait_for_members([one, two], topic)
            assert sorted([*first, *second]) == [0, 1, 2]


def executed(code: str, name: str, folder: Path) -> tuple[str, str]:
    """Execute a cell in a kernel; return its text and its error."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    client = NotebookClient(notebook, timeout=600, kernel_name=name, resources={"metadata": {"path": str(folder)}})
    with contextlib.suppress(CellExecutionError):
        client.execute()
    outputs = notebook.cells[0].outputs
    text = "".join(one.text for one in outputs if one.output_type == "stream")
    return text, "\n".join("\n".join(one.traceback) for one in outputs if one.output_type == "error")


def test_the_kernel_runs_in_the_environment(tmp_path: Path, installed: Settings):
    said, error = executed(f"{FIRST_CELL}\nimport sys; print(sys.prefix)", kernel.NAME, tmp_path)
    assert error == ""
    assert said.splitlines() == [str(installed.streams_folder)]  # and no warning of a library


def test_the_ordinary_kernel_names_the_one_to_choose(tmp_path: Path):
    _, error = executed(FIRST_CELL, "python3", tmp_path)
    assert "Kernel ▸ Change Kernel… ▸ Python (stream processing)" in error
    assert "Traceback" not in error


@pytest.fixture
def checkout(tmp_path: Path, installed: Settings) -> Settings:
    """Return settings of a checkout whose environment is half installed; other tests use the real one meanwhile."""
    root = tmp_path / "checkout"
    root.mkdir()
    for name in ("infra", "data", "pyproject.toml", "README.md"):
        (root / name).symlink_to(installed.root / name)
    half = replace(installed, root=root)
    environment.python(half).parent.mkdir(parents=True)
    environment.python(half).write_text("half")
    return half


def test_a_half_installed_environment_is_made_again_by_the_first_cell(tmp_path: Path, checkout: Settings):
    of_the_checkout = (
        "import dataclasses, pathlib\nfrom workshop.base.settings import Settings\nreal = Settings.load()\n"
        f"Settings.load = lambda: dataclasses.replace(real, root=pathlib.Path({str(checkout.root)!r}))\n"
    )
    said, error = executed(of_the_checkout + FIRST_CELL, "python3", tmp_path)
    assert "installed once" in said
    assert "Kernel ▸ Restart Kernel…" in error
    assert "Traceback" not in error
    assert environment.is_current(checkout)
    assert environment.problem(checkout) == ""


def test_an_interrupted_installation_is_made_again(checkout: Settings, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment, "_check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            environment.install(checkout)
    assert environment.problem(checkout).endswith("is incomplete or out of date.")
    environment.install(checkout)
    assert environment.problem(checkout) == ""


def test_a_bundle_without_a_package_is_a_sentence(tmp_path: Path, checkout: Settings):
    (tmp_path / "stick" / "wheels").mkdir(parents=True)
    with pytest.raises(WorkshopError, match="could not be installed") as raised:
        environment.install(replace(checkout, bundle=f"{tmp_path / 'stick'}#sha256=0"))
    assert "The bundle lacks a package" in raised.value.next_step


def test_the_totals_of_20_000_payments_are_those_of_pandas(ws: Connection):
    """Six weeks of payments, to the cent, with an instance that is killed on the way."""
    rows = payments.prepared(story.payments().head(20_000))
    topic, updates = payments.send(ws, rows), ws.fresh_topic("updates")
    group = experiments.new_group(ws, "extract")
    with Instance(ws, group, spend, topic, updates, commit_every=2_000, loglevel="ERROR") as one:
        wait_until_read([one], topic, 0.3)
        one.kill()
        one.delete_state()
        one.start()
        wait_until_read([one], topic)
    assert experiments.totals(ws, updates) == payments.batch(rows)
