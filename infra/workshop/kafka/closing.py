"""The end of a producer that may have events left which nobody takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kafka import KafkaProducer
from kafka.errors import KafkaError

SECONDS = 2.0


@contextmanager
def closing_soon(producer: KafkaProducer) -> Iterator[KafkaProducer]:
    """Close a producer whatever happens, and give what is not sent yet two seconds; `client_repairs` must be applied."""
    try:
        yield producer
    finally:
        with suppress(KafkaError):
            producer.close(timeout=SECONDS)
