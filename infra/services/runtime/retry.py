"""Restart of a service's Kafka session after an unrecoverable client error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from kafka.errors import KafkaError
from workshop.base.errors import WorkshopError

log = logging.getLogger(__name__)
PAUSE = 0.5  # seconds before a restart


def persevere(attempt: Callable[[], None], leaving: list, begun_anew: Callable[[], None] = lambda: None) -> None:
    """Call `attempt` again after each Kafka error, until `leaving` is not empty.

    Unavailable brokers, an aborted transaction and partitions that moved to other instances have one remedy: to discard
    all state and to read it again. Errors of the service itself are raised.

    Args:
        attempt: runs until `leaving` is not empty, and cleans up after itself.
        begun_anew: called before each attempt but the first.
    """
    while not leaving:
        try:
            attempt()
        except (KafkaError, WorkshopError) as error:
            log.warning("The Kafka session ended and restarts: %s: %s", type(error).__name__, error)
            begun_anew()
            time.sleep(PAUSE)
