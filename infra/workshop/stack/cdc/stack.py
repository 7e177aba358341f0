"""Start and stop of PostgreSQL and Kafka Connect, which run on demand beside the stack."""

from __future__ import annotations

from collections.abc import Mapping

from workshop.base.errors import WorkshopError
from workshop.base.external_site import kept
from workshop.base.files import locked
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.domain.debezium import PASSWORD
from workshop.stack.cdc import connect
from workshop.stack.cdc.connect import Connect
from workshop.stack.cdc.postgres import Postgres
from workshop.stack.external.ownership import HERE


def up(settings: Settings, ports: Ports, kafka: Mapping, timeline: Timeline) -> None:
    """Start PostgreSQL and Kafka Connect; nothing changes if they run already.

    Raises:
        WorkshopError: the stack uses an existing Kafka.
    """
    if kept(settings.state):
        raise WorkshopError(
            "Change data capture is not available with an existing Kafka: Kafka Connect needs topics of its own.",
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
    """Stop both; their data are kept."""
    Connect(settings, ports.connect).stop()
    Postgres(settings, ports.postgres).stop()
