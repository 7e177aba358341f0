"""The schema registry: start, memory, and bytes and speed of each format.

Measured are:
- start with existing data, in seconds, without and with the recording of `workshop prefetch`;
- memory after the start and after registering: the proportional set size, in MB (Linux);
- mean bytes of a payment in JSON, JSON Schema, Protobuf and Avro, of 1,000 payments;
- payments per second that one thread serializes in each format, with a known schema id.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import workshop
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from workshop.base.processes import Processes
from workshop.lessons.contracts import experiments, schemas, servers
from workshop.lessons.contracts.clients import client
from workshop.stack.registry import recording
from workshop.stack.toolchain import java

from benchmarks import measuring
from benchmarks.measuring import Values, seconds

STACK = "running"
RUNS = 3
FORMATS = ("JSON", "JSON Schema", "Protobuf", "Avro")
FIGURES = {
    "start without a recording": "s",
    "start with a recording": "s",
    "memory": "MB",
    **{f"bytes: {name}": "bytes" for name in FORMATS},
    **{f"serialized: {name}": "payments/s" for name in FORMATS},
}
PAYMENTS = 1_000
ROUNDS = 5


def encoders(url: str) -> dict[str, Callable[[dict], bytes | None]]:
    """Return the serializer of each format."""
    registry, message = client(url), schemas.payment_message()
    avro = AvroSerializer(registry, json.dumps(schemas.avro()))
    in_json = JSONSerializer(json.dumps(schemas.json_schema()), registry)
    protobuf = ProtobufSerializer(message, registry)
    places = {name: SerializationContext(f"contract-bench-{name}", MessageField.VALUE) for name in ("a", "j", "p")}
    return {
        "JSON": experiments.as_json,
        "JSON Schema": lambda payment: in_json(payment, places["j"]),
        "Protobuf": lambda payment: protobuf(message(**payment), places["p"]),
        "Avro": lambda payment: avro(payment, places["a"]),
    }


def per_second(encode: Callable[[dict], bytes | None], payments: list[dict]) -> float:
    """Return the payments that an encoder serializes per second."""
    encode(payments[0])  # asks the registry for the id
    began = time.perf_counter()
    for _ in range(ROUNDS):
        for payment in payments:
            encode(payment)
    return ROUNDS * len(payments) / (time.perf_counter() - began)


def measure(run: int) -> Values:
    """Start the registry twice, register a schema of each format, and serialize."""
    ws = workshop.connect()
    server = servers.ensure(ws)
    found = java.find(ws.settings)
    made = recording.file(ws.settings, found)
    try:
        recording.record(ws.settings, found)
        hidden = made.with_suffix(".hidden")
        made.replace(hidden)
        try:
            server.stop()
            yield "start without a recording", seconds(server.start)
        finally:
            hidden.replace(made)
        server.stop()
        yield "start with a recording", seconds(server.start)
        payments, formats = experiments.payments(PAYMENTS), encoders(server.url)
        for name, size in experiments.mean_bytes(payments, formats).items():
            yield f"bytes: {name}", size
        for name, encode in formats.items():
            yield f"serialized: {name}", per_second(encode, payments)
        process = Processes(ws.settings.state).running()["registry"]
        yield "memory", measuring.memory_mb([process, *process.children(recursive=True)])
    finally:
        server.close()
