"""Runner of a service that reads payments: settings, logging, side server and shutdown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from workshop.kafka import access

from services.http import side_server
from services.runtime import logs, metrics, shutdown
from services.runtime.settings import Settings, read_or_leave

log = logging.getLogger(__name__)


class Runs(metrics.Reader, Protocol):
    """A service that reads payments."""

    def run(self, leaving: list) -> None:
        """Work until `leaving` is not empty."""


def run(name: str, wire: Callable[[Settings], Runs]) -> None:
    """Run the service until SIGTERM."""
    settings = read_or_leave(name)
    logs.set_up(settings)
    access.prepare({access.PREFIX: settings.kafka_prefix})
    going = shutdown.told(settings.shutdown_seconds)
    service = wire(settings)
    side_server.serve(side_server.Side(settings, lambda: not_ready(service, going), metrics.registry(service)))
    log.info("The service starts.", extra={"fields": {"release": settings.release, "group": settings.group}})
    service.run(going)
    log.info("The service has stopped.", extra={"fields": {"handled": dict(service.tally)}})


def not_ready(service: Runs, going: list) -> str:
    """Return why the service is not ready, or an empty string.

    A member without partitions is ready: it stands by.
    """
    if going:
        return "The service is shutting down."
    return "" if service.joined else "The service has not joined its group yet: Kafka or a topic is missing."
