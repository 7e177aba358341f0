"""The life of a stack: what a failed start undoes, the order of a stop, and the status. No process is started."""

from __future__ import annotations

import io
from collections.abc import Iterable
from types import SimpleNamespace

import pytest
from rich.console import Console
from workshop.base import endpoints, stack_folders
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack import lifecycle


class Machine:
    """The processes that run, by name, in place of real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.names = list(names)
        self.stopped: list[list[str]] = []
        monkeypatch.setattr(Processes, "running", lambda processes: dict.fromkeys(self.names))
        monkeypatch.setattr(Processes, "stop", lambda processes, names, **more: self.stop(names))

    def stop(self, names: Iterable[str]) -> list[str]:
        self.stopped.append(list(names))
        self.names = [name for name in self.names if name not in self.stopped[-1]]
        return self.stopped[-1]


class Backend:
    name = "local"
    owns_brokers = True

    def __init__(self, settings: Settings, *, was_made: bool = False) -> None:
        self.settings, self._was_made = settings, was_made
        self.undone = self.was_reset = 0
        self.found: dict[str, dict] = {"kafka-1": {"state": "stopped"}}

    def was_made(self) -> bool:
        return self._was_made

    def runs(self) -> bool:
        return True

    def undo(self) -> None:
        self.undone += 1

    def reset(self) -> None:
        self.was_reset += 1

    def down(self) -> list[str]:
        return ["node-1", "lab"]

    def components(self) -> dict[str, dict]:
        return dict(self.found)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch, "kafka-2", "lab", "kafka-1", "payments")


@pytest.fixture
def backend(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Backend:
    made = Backend(settings)
    monkeypatch.setattr(lifecycle, "made_here", lambda settings: made)
    monkeypatch.setattr(lifecycle, "choose", lambda settings: (made, "a test"))
    settings.common.mkdir(parents=True)
    return made


def test_brokers_are_stopped_after_their_clients(settings: Settings, machine: Machine, backend: Backend):
    assert lifecycle.down(settings) == ["lab", "payments", "kafka-1", "kafka-2", "node-1"]
    assert machine.stopped == [["lab", "payments"], ["kafka-1", "kafka-2"]]


def timeline() -> Timeline:
    return Timeline(Console(file=io.StringIO()))


def failing_start(
    settings: Settings, machine: Machine, error: BaseException, monkeypatch: pytest.MonkeyPatch, **options: bool
) -> BaseException:
    """Start a stack, of which two components run before something fails; return what is raised."""

    def perform(start: object) -> None:
        machine.names += ["plane", "kafka-3"]
        raise error

    monkeypatch.setattr(lifecycle.steps, "perform", perform)
    with pytest.raises(type(error)) as raised:
        lifecycle.up(settings, timeline(), **options)
    return raised.value


def test_a_first_start_that_fails_stops_what_it_started_and_nothing_else(
    settings: Settings, machine: Machine, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    before = list(machine.names)
    failing_start(settings, machine, WorkshopError("It failed."), monkeypatch)
    assert machine.names == before
    assert machine.stopped == [["plane"], ["kafka-3"]]
    assert backend.undone == 1


def test_a_stack_that_was_there_before_is_left_as_it_is_with_advice(
    settings: Settings, machine: Machine, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    backend._was_made = True
    error = failing_start(settings, machine, WorkshopError("It failed.", "Look."), monkeypatch)
    assert (error.happened, error.next_step) == ("It failed.", f"{lifecycle.CONTINUE} Look.")
    assert machine.stopped == []
    assert backend.undone == 0


def test_what_was_started_is_kept_if_the_user_wants_to_look_at_it(
    settings: Settings, machine: Machine, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    failing_start(settings, machine, ZeroDivisionError(), monkeypatch, keep=True)
    assert machine.stopped == []


def test_an_interruption_stops_what_was_started_also_in_a_stack_that_was_there(
    settings: Settings, machine: Machine, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    backend._was_made = True
    stack_folders.use(settings.common, "local")
    failing_start(settings, machine, KeyboardInterrupt(), monkeypatch)
    assert machine.stopped == [["plane"], ["kafka-3"]]
    assert stack_folders.last(settings.common) == "local"


def test_a_reset_stops_the_stack_and_deletes_its_folder_only(settings: Settings, machine: Machine, backend: Backend):
    here = stack_folders.folder(settings.common, "local")
    (here / "kafka").mkdir(parents=True)
    (settings.common / "backups").mkdir()
    assert lifecycle.reset(settings) == "local"
    assert backend.was_reset == 1
    assert machine.names == []
    assert not here.exists()
    assert (settings.common / "backups").exists()


@pytest.fixture
def asked(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The brokers that are registered."""
    found = SimpleNamespace(registered={1, 2, 3})
    monkeypatch.setattr(lifecycle, "SECOND_LOOK", 0)
    monkeypatch.setattr(lifecycle, "registered_brokers", lambda kafka: found.registered)
    return found


RUNNING = {"kafka-1": {"state": "running"}, "kubernetes": {"state": "running"}}


def status(settings: Settings, backend: Backend, components: dict, monkeypatch: pytest.MonkeyPatch) -> dict:
    Machine(monkeypatch)
    backend.found = components
    endpoints.write(settings, {"backend": "local", "kafka": {"bootstrap_servers": ["127.0.0.1:1"]}})
    return lifecycle.status(settings)


def test_a_stack_is_ready_when_all_brokers_are_registered(
    settings: Settings, backend: Backend, asked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    found = status(settings, backend, RUNNING, monkeypatch)
    assert found["ready"]
    assert found["kafka"]["registered"] == [1, 2, 3]
    assert found["components"]["lab"] == {"state": "stopped"}
    asked.registered = {1, 3}
    assert not status(settings, backend, RUNNING, monkeypatch)["ready"]


@pytest.mark.parametrize(
    ("components", "registered", "sentence"),
    [
        ({}, set(), "The stack is not running."),
        ({"kafka-1": "stopped", "kafka-2": "stopped"}, set(), "The stack is not running."),
        ({"kafka-1": "running", lifecycle.PLANE: "stopped"}, {1}, "complete: control-plane is stopped."),
        (
            {"kafka-1": "running", "kafka-2": "stopped", lifecycle.PLANE: "stopped"},
            {1},
            "complete: kafka-2 is stopped, control-plane is stopped.",
        ),
        ({"kafka-1": "running", "kafka-2": "running"}, {1}, "of its brokers are registered: 1."),
        ({"kafka-1": "running"}, set(), "of its brokers are registered: none."),
        ({"kafka-1": "running", lifecycle.PLANE: "paused"}, {1, 2, 3}, "complete: control-plane is paused."),
        ({"kafka-1": "paused", "a-pod": "stopped"}, {2, 3}, "complete: kafka-1 is paused."),
    ],
)
def test_what_a_stack_lacks_is_named(
    settings: Settings,
    backend: Backend,
    asked: SimpleNamespace,
    components: dict,
    registered: set,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
):
    asked.registered = registered
    found = status(settings, backend, {name: {"state": one} for name, one in components.items()}, monkeypatch)
    assert lifecycle.lacks(found).endswith(sentence)


@pytest.mark.parametrize("name", [lifecycle.PLANE, lifecycle.AGENT])
def test_a_stack_is_not_ready_without_its_control_plane_and_its_agent(
    settings: Settings, backend: Backend, asked: SimpleNamespace, name: str, monkeypatch: pytest.MonkeyPatch
):
    components = {**RUNNING, lifecycle.PLANE: {"state": "running"}, name: {"state": "stopped"}}
    assert not status(settings, backend, components, monkeypatch)["ready"]


@pytest.mark.parametrize(
    ("broker", "first", "ready"), [("running", {1, 3}, True), ("paused", {1, 3}, False), ("running", set(), False)]
)
def test_running_brokers_that_are_not_registered_beside_others_are_looked_at_again(
    settings: Settings, backend: Backend, broker: str, first: set, ready: bool, monkeypatch: pytest.MonkeyPatch
):
    answers = iter([first, {1, 2, 3}])
    monkeypatch.setattr(lifecycle, "registered_brokers", lambda kafka: next(answers))
    components = {"kafka-1": {"state": "running"}, "kafka-2": {"state": broker}, "kafka-3": {"state": "running"}}
    assert status(settings, backend, components, monkeypatch)["ready"] is ready


def test_brokers_are_not_asked_where_nothing_runs(
    settings: Settings, backend: Backend, asked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    found = status(settings, backend, {"kafka-1": {"state": "stopped"}}, monkeypatch)
    assert found["kafka"]["registered"] == []
    assert not found["ready"]


def test_of_somebody_elses_kafka_any_broker_will_do(
    settings: Settings, backend: Backend, asked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    backend.owns_brokers = False
    asked.registered = {7}
    assert status(settings, backend, {"kafka": {"state": "running"}}, monkeypatch)["ready"]
