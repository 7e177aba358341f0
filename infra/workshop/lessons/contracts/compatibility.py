"""The registry's own verdict about a change of a schema, in each mode."""

from __future__ import annotations

import json
import uuid

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from workshop.lessons.contracts.clients import client

MODES = ("BACKWARD", "FORWARD", "FULL")


def broken_modes(url: str, before: dict, after: str) -> set[str]:
    """Return the modes in which the registry refuses a change of an Avro schema; a subject of its own is used for it."""
    registry, subject = client(url), f"check-{uuid.uuid4().hex[:6]}-value"
    registry.register_schema(subject, Schema(json.dumps(before), "AVRO"))
    try:
        return {mode for mode in MODES if _refuses(registry, subject, mode, after)}
    finally:
        registry.delete_subject(subject)


def _refuses(registry: SchemaRegistryClient, subject: str, mode: str, schema: str) -> bool:
    registry.set_compatibility(subject, mode)
    return not registry.test_compatibility(subject, Schema(schema, "AVRO"))
