"""Start and stop of the schema registry, which runs on demand beside the stack."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from workshop.base.errors import WorkshopError
from workshop.base.external_site import kept
from workshop.base.files import locked
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.stack.external.ownership import HERE
from workshop.stack.registry import archive, recording
from workshop.stack.registry.server import Registry
from workshop.stack.toolchain import java


def up(settings: Settings, ports: Ports, kafka: Mapping, timeline: Timeline) -> None:
    """Start the registry; nothing changes if it runs already.

    Raises:
        WorkshopError: the stack uses an existing Kafka, or the registry cannot be downloaded or started.
    """
    if kept(settings.state):
        raise WorkshopError(
            "The schema registry is not available with an existing Kafka: it needs a topic of its own.", HERE
        )
    registry = Registry(settings, ports)
    with _alone(settings, timeline):
        archive.provision(settings, timeline)
    starting = locked(settings.state / "registry.lock", settings.patience, "starts the schema registry")
    with starting, timeline.step("schema registry answers") as step:
        registry.start(kafka, step.tell)


def prepare(settings: Settings, timeline: Timeline) -> None:
    """Download the registry, and record a start, which makes later starts faster; for a machine that is prepared in advance.

    A recording takes about as long as three starts, so `up` makes none.
    """
    with _alone(settings, timeline):
        archive.provision(settings, timeline)
        with timeline.step("the registry's start, recorded"):
            recording.record(settings, java.find(settings), timeline.say)


def down(settings: Settings, ports: Ports) -> None:
    """Stop the registry; its data are kept."""
    Registry(settings, ports).stop()


def _alone(settings: Settings, timeline: Timeline) -> AbstractContextManager[None]:
    """Return the lock of the files in the cache; another checkout may be recording a start."""
    file, longest = settings.cache / "registry.lock", 2 * recording.TIMEOUT
    return locked(file, longest, "prepares the schema registry", timeline.say)
