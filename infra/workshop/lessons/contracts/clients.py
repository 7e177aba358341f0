"""The client of the schema registry, with a limit for each request."""

from __future__ import annotations

from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient

SECONDS = 30  # for a request; without `timeout` this client waits for ever


def client(url: str, **options: Any) -> SchemaRegistryClient:
    """Return a client.

    Args:
        url: the registry's address.
        options: more settings of `SchemaRegistryClient`.
    """
    return SchemaRegistryClient({"url": url, "timeout": SECONDS, **options})
