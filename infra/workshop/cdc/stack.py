"""Both together, started on demand and stopped with the rest of the stack."""

from __future__ import annotations

from collections.abc import Mapping

from workshop.cdc import connect
from workshop.cdc.connect import Connect
from workshop.cdc.debezium import PASSWORD
from workshop.cdc.postgres import Postgres
from workshop.errors import WorkshopError
from workshop.files import locked
from workshop.settings import Ports, Settings
from workshop.site.description import kept
from workshop.site.ownership import HERE
from workshop.timeline import Timeline


def up(settings: Settings, ports: Ports, kafka: Mapping, timeline: Timeline) -> None:
    """Start PostgreSQL and Kafka Connect; harmless if they run.

    Raises:
        WorkshopError: Kafka is somebody else's.
    """
    if kept(settings.state):
        raise WorkshopError(
            "Change data capture runs a Kafka Connect, which keeps topics of its own: not in somebody else's Kafka.",
            HERE,
        )
    connect.provision(settings, timeline)
    with locked(settings.state / "cdc" / "lock", settings.patience, "starts change data capture"):
        database = Postgres(settings, ports.postgres)
        with timeline.step("PostgreSQL answers") as step:
            database.start(step.tell)
        with timeline.step("Kafka Connect answers") as step:
            Connect(settings, ports.connect).start(kafka, {PASSWORD: database.password}, step.tell)


def down(settings: Settings, ports: Ports) -> None:
    """Stop both; what they store stays."""
    Connect(settings, ports.connect).stop()
    Postgres(settings, ports.postgres).stop()
