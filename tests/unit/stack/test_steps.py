"""The recipe of `up`: which steps a start needs, in which order, and what they are given. Nothing is started."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from workshop.base import stack_folders
from workshop.base.errors import WorkshopError
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.stack import steps
from workshop.stack.steps import STEPS, Start, Step


class Backend:
    """A backend that notes what it is asked for."""

    name = "local"

    def __init__(self, settings: Settings, *, owns_brokers: bool = True, has_kubernetes: bool = True) -> None:
        self.settings, self.owns_brokers, self.has_kubernetes = settings, owns_brokers, has_kubernetes
        self.did: list[str] = []

    def ports(self) -> Ports:
        return Ports(20_000)

    def up(self, timeline: Timeline) -> None:
        self.did.append("up")

    def ready(self, tell: Callable[[str], None]) -> None:
        self.did.append("ready")

    def endpoints(self) -> dict:
        return {"kafka": {"bootstrap_servers": ["127.0.0.1:1"]}}

    def kubernetes_ready(self, tell: Callable[[str], None]) -> None:
        self.did.append("kubernetes ready")

    def inside(self) -> dict[str, str]:
        return {"KAFKA_BOOTSTRAP": "inside:1"}

    def secret(self) -> dict[str, str]:
        return {}

    def expose(self, timeline: Timeline) -> None:
        self.did.append("expose")


def start(settings: Settings, with_lab: bool = True, more: frozenset[str] = frozenset(), **backend: bool) -> Start:
    return Start(Backend(settings, **backend), Timeline(Console(file=io.StringIO())), with_lab, more)


def needed(made: Start) -> list[Callable]:
    return [step.run for step in STEPS if step.needed(made)]


EVERY = [step.run for step in STEPS]


ON_DEMAND = frozenset(steps.MORE)


def test_a_whole_start_needs_every_step_but_those_on_demand(settings: Settings):
    settings = replace(settings, bundle="")
    assert needed(start(settings)) == [run for run in EVERY if run not in (steps._cdc, steps._registry, steps._streams)]
    assert needed(start(settings, more=frozenset({"registry"}))) == [
        run for run in EVERY if run not in (steps._cdc, steps._streams)
    ]
    assert needed(start(settings, more=ON_DEMAND)) == EVERY


def test_a_start_from_a_bundle_installs_lesson_11_too(settings: Settings):
    assert steps._streams in needed(start(replace(settings, bundle="/media/stick")))
    assert steps._cdc not in needed(start(replace(settings, bundle="/media/stick")))


def test_without_lab_its_two_steps_are_left_out(settings: Settings):
    left_out = set(EVERY) - set(needed(start(settings, with_lab=False, more=ON_DEMAND)))
    assert left_out == {steps._lab, steps._lab_answers}


def test_somebody_elses_brokers_are_neither_waited_for_nor_led(settings: Settings):
    left_out = set(EVERY) - set(needed(start(settings, more=ON_DEMAND, owns_brokers=False)))
    assert left_out == {steps._registered, steps._leaders}


def test_without_kubernetes_no_service_is_deployed(settings: Settings):
    left_out = set(EVERY) - set(needed(start(settings, more=ON_DEMAND, has_kubernetes=False)))
    assert left_out == {steps._nodes, steps._services, steps._expose}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (steps._folders, steps._backend),
        (steps._lab, steps._registered),  # it starts while brokers do
        (steps._registered, steps._first_event),
        (steps._addresses, steps._first_event),
        (steps._nodes, steps._services),
        (steps._services, steps._expose),
        (steps._first_event, steps._written),
        (steps._cdc, steps._written),
        (steps._streams, steps._written),
        (steps._registry, steps._written),
        (steps._lab, steps._lab_answers),
    ],
)
def test_the_order_of_steps_that_build_on_each_other(first: Callable, then: Callable):
    assert EVERY.index(first) < EVERY.index(then)


def test_steps_that_have_a_name_are_on_the_time_line(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []

    def note(name: str, answer: bool = True) -> Step:
        return Step(name, lambda start, tell: (seen.append(name), tell(f"{name}!")), lambda start: answer)

    monkeypatch.setattr(steps, "STEPS", (note("one"), note(""), note("never", False), note("two")))
    made = start(settings)
    assert steps.perform(made) == {}
    assert seen == ["one", "", "two"]
    assert [step.name for step in made.timeline.steps] == ["one", "two"]


def test_a_step_that_fails_ends_the_start(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    def fail(start: Start, tell: Callable) -> None:
        raise WorkshopError("It failed.")

    later = Step("later", lambda start, tell: pytest.fail("went on"))
    monkeypatch.setattr(steps, "STEPS", (Step("first", fail), later))
    with pytest.raises(WorkshopError, match="It failed"):
        steps.perform(start(settings))


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the parts of the stack are asked for, in order; each of them does nothing."""
    did: list[str] = []
    for module, name in (
        (steps.lab, "start"),
        (steps.lab, "wait"),
        (steps.first_event, "write_and_read"),
        (steps.deploy, "services"),
        (steps.cdc, "up"),
        (steps.registry, "up"),
    ):
        place = f"{module.__name__.rsplit('.', 1)[-1]}.{name}"
        monkeypatch.setattr(module, name, lambda *about, place=place: did.append(place))

    class Brokers:
        def __init__(self, backend: object, kafka: dict) -> None:
            assert kafka["bootstrap_servers"] == ["127.0.0.1:1"]

        def settle(self, patience: float) -> None:
            did.append("leaders")
            raise WorkshopError("One topic is sick.")

    monkeypatch.setattr(steps, "Brokers", Brokers)
    return did


def test_a_start_asks_every_part_and_writes_the_endpoints(settings: Settings, parts: list[str], tmp_path: Path):
    made = start(replace(settings, state=settings.common / "local"), more=ON_DEMAND)
    endpoints = steps.perform(made)
    assert endpoints == {
        "backend": "local",
        "kafka": {"bootstrap_servers": ["127.0.0.1:1"]},
        "lab": {"port": Ports(20_000).lab},
    }
    assert json.loads(made.settings.endpoints_file.read_text()) == endpoints
    assert made.backend.did == ["up", "ready", "kubernetes ready", "expose"]
    assert parts == [
        "lab.start",
        "first_event.write_and_read",
        "leaders",
        "deploy.services",
        "stack.up",
        "stack.up",
        "lab.wait",
    ]
    assert stack_folders.last(made.settings.common) == "local"


def test_leaders_that_cannot_be_spread_are_told_and_hinder_nothing(settings: Settings, parts: list[str]):
    made = start(settings)
    steps.perform(made)
    assert "One topic is sick." in made.timeline.console.file.getvalue()
