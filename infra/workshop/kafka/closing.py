"""Closing of a producer that may have unsent events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kafka import KafkaProducer
from kafka.errors import KafkaError

SECONDS = 2.0


@contextmanager
def closing_soon(producer: KafkaProducer) -> Iterator[KafkaProducer]:
    """Close a producer at the end of the block, with two seconds for unsent events.

    The repairs of `repairs.client` must be applied.
    """
    try:
        yield producer
    finally:
        with suppress(KafkaError):
            producer.close(timeout=SECONDS)
