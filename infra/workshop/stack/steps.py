"""The steps of `workshop up`, in order, for every backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from workshop.base import endpoints as endpoints_file
from workshop.base import environment, stack_folders
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.kafka import access, first_event
from workshop.stack import lab
from workshop.stack.backends.protocols import Backend
from workshop.stack.cdc import stack as cdc
from workshop.stack.faults import Brokers
from workshop.stack.kubernetes import deploy
from workshop.stack.registry import stack as registry
from workshop.stack.streams import environment as streams

Tell = Callable[[str], None]

MORE = ("cdc", "registry", "streams")
"""The values of `workshop up --with`: what is started or installed on demand."""


@dataclass
class Start:
    """The state of one run of `up`.

    Attributes:
        with_lab: whether JupyterLab is started too.
        more: what to start too, of `MORE`.
        endpoints: the addresses of the stack that are known so far.
    """

    backend: Backend
    timeline: Timeline
    with_lab: bool = True
    more: frozenset[str] = frozenset()
    endpoints: dict = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The settings of the backend's own stack."""
        return self.backend.settings

    @property
    def kafka(self) -> access.KafkaSettings:
        """The settings of Kafka clients."""
        return access.client(self.endpoints["kafka"])


@dataclass(frozen=True)
class Step:
    """A step of `up`.

    Attributes:
        name: the name in the timeline; empty for a step that shows steps of its own or takes no time.
        run: runs the step; its arguments are the start and a function that shows progress.
        needed: whether this start includes the step.
    """

    name: str
    run: Callable[[Start, Tell], object]
    needed: Callable[[Start], bool] = lambda start: True


def perform(start: Start) -> dict:
    """Run every step that this start needs; return the endpoints, as `workshop.connect()` reads them."""
    for step in STEPS:
        if not step.needed(start):
            continue
        if step.name:
            with start.timeline.step(step.name) as running:
                step.run(start, running.tell)
        else:
            step.run(start, start.timeline.say)
    return start.endpoints


def _folders(start: Start, tell: Tell) -> None:
    environment.make_folders(start.settings)
    stack_folders.use(start.settings.common, start.backend.name)


def _backend(start: Start, tell: Tell) -> None:
    start.backend.up(start.timeline)


def _lab(start: Start, tell: Tell) -> None:
    lab.start(start.settings, start.backend.ports().lab)


def _registered(start: Start, tell: Tell) -> None:
    start.backend.ready(tell)


def _addresses(start: Start, tell: Tell) -> None:
    backend = start.backend
    start.endpoints = {"backend": backend.name, **backend.endpoints(), "lab": {"port": backend.ports().lab}}
    access.prepare(start.endpoints["kafka"])


def _first_event(start: Start, tell: Tell) -> None:
    first_event.write_and_read(start.kafka, start.settings.patience, tell)


def _leaders(start: Start, tell: Tell) -> None:
    try:
        with start.timeline.step("leaders spread"):
            Brokers(start.backend, start.kafka).settle(start.settings.patience / 3)
    except WorkshopError as error:  # a topic whose replicas are not in sync must not stop the start
        tell(error.happened)


def _nodes(start: Start, tell: Tell) -> None:
    start.backend.kubernetes_ready(tell)


def _services(start: Start, tell: Tell) -> None:
    deploy.services(start.settings, start.backend.inside(), start.backend.secret(), tell)


def _expose(start: Start, tell: Tell) -> None:
    start.backend.expose(start.timeline)


def _cdc(start: Start, tell: Tell) -> None:
    cdc.up(start.settings, start.backend.ports(), start.endpoints["kafka"], start.timeline)


def _streams(start: Start, tell: Tell) -> None:
    streams.provision(start.settings, start.timeline)


def _registry(start: Start, tell: Tell) -> None:
    registry.up(start.settings, start.backend.ports(), start.endpoints["kafka"], start.timeline)


def _written(start: Start, tell: Tell) -> None:
    endpoints_file.write(start.settings, start.endpoints)


def _lab_answers(start: Start, tell: Tell) -> None:
    lab.wait(start.settings, start.backend.ports().lab, tell)


def _with_lab(start: Start) -> bool:
    return start.with_lab


def _owns_brokers(start: Start) -> bool:
    return start.backend.owns_brokers


def _has_kubernetes(start: Start) -> bool:
    return start.backend.has_kubernetes


def _with_cdc(start: Start) -> bool:
    return "cdc" in start.more


def _with_streams(start: Start) -> bool:
    # A start from a bundle installs it too: the stick may be gone when the lesson begins.
    return "streams" in start.more or bool(start.settings.bundle)


def _with_registry(start: Start) -> bool:
    return "registry" in start.more


STEPS = (
    Step("", _folders),
    Step("", _backend),  # brokers and the control plane: see each backend's `up`
    Step("", _lab, _with_lab),  # early, so that it starts in parallel with the brokers
    Step("three brokers registered", _registered, _owns_brokers),
    Step("", _addresses),
    Step("first event read back", _first_event),
    Step("", _leaders, _owns_brokers),
    Step("Kubernetes' nodes ready", _nodes, _has_kubernetes),
    Step("services ready", _services, _has_kubernetes),
    Step("", _expose, _has_kubernetes),
    Step("", _cdc, _with_cdc),
    Step("", _streams, _with_streams),
    Step("", _registry, _with_registry),
    Step("", _written),  # from here on `workshop.connect()` finds the stack
    Step("JupyterLab answers", _lab_answers, _with_lab),
)
