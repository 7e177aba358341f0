"""Restart of a service's Kafka session after an unrecoverable client error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from kafka.errors import KafkaError
from workshop.base.errors import WorkshopError

log = logging.getLogger(__name__)
PAUSE = 0.5  # seconds before it begins anew


def persevere(attempt: Callable[[], None], leaving: list, begun_anew: Callable[[], None] = lambda: None) -> None:
    """Call `attempt`, and call it again whenever Kafka ends it, until `leaving` is not empty.

    Brokers that are away, a transaction that was put an end to, partitions that others hold by now: each has one way out,
    to forget everything and to read it again. What is wrong with the service itself is raised.

    Args:
        attempt: runs until `leaving` is not empty, and cleans up after itself.
        begun_anew: called before each attempt but the first.
    """
    while not leaving:
        try:
            attempt()
        except (KafkaError, WorkshopError) as error:
            log.warning("Kafka ended the work, which begins anew: %s: %s", type(error).__name__, error)
            begun_anew()
            time.sleep(PAUSE)
