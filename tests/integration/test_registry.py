"""The schema registry as a process: what survives a stop, a kill and a lost topic, and what its users read then."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import httpx2
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.kafka import admin as kafka_admin
from workshop.lessons.contracts import clients as clients_of
from workshop.lessons.contracts import experiments, parcels, schemas, servers
from workshop.lessons.contracts.servers import Server
from workshop.notebook.connection import Connection
from workshop.notebook.foreign_errors import explained

PAYMENT = experiments.payments(1)[0]


@pytest.fixture(scope="module")
def stopped_afterwards(lasting_ws: Connection) -> Iterator[Connection]:
    yield lasting_ws
    servers.ensure(lasting_ws).close()
    assert "registry" not in Processes(lasting_ws.settings.state).running()


clients: list[SchemaRegistryClient] = []


@pytest.fixture
def server(stopped_afterwards: Connection) -> Iterator[Server]:
    yield servers.ensure(stopped_afterwards)
    for one in clients:
        one.close()
    clients.clear()


def client(server: Server, **options: object) -> SchemaRegistryClient:
    clients.append(clients_of.client(server.url, **options))
    return clients[-1]


def with_field(name: str) -> Schema:
    more = {"name": name, "type": "string", "default": ""}
    return Schema(schemas.changed(schemas.avro(), lambda fields: fields.append(more)), "AVRO")


def test_schemas_and_levels_survive_a_stop_and_are_there_when_it_answers(server: Server) -> None:
    subject = "check-survives-value"
    ids = [client(server).register_schema(subject, with_field(f"field_{n}")) for n in range(5)]
    client(server).set_compatibility(subject, "FULL")
    server.stop()
    server.start()
    registry = client(server)
    assert len(registry.get_versions(subject)) == 5
    assert str(registry.get_compatibility(subject)) == "FULL"
    assert [json.loads(registry.get_schema(one).schema_str)["fields"][-1]["name"] for one in ids] == [
        f"field_{n}" for n in range(5)
    ]


def test_a_registry_killed_while_it_registers_keeps_all_that_it_acknowledged(server: Server) -> None:
    subject, acknowledged, enough = "check-killed-value", [], threading.Event()

    def register() -> None:
        registry = client(server, **{"max.retries": 0, "timeout": 20})
        try:
            for n in range(10_000):
                acknowledged.append((registry.register_schema(subject, with_field(f"field_{n}")), f"field_{n}"))
                if len(acknowledged) == 10:
                    enough.set()
        except (httpx2.HTTPError, SchemaRegistryError):
            enough.set()

    writer = threading.Thread(target=register)
    writer.start()
    assert enough.wait(120)
    server.kill()
    writer.join(60)
    assert len(acknowledged) >= 10
    server.start()
    registry = client(server)
    kept = {n: json.loads(registry.get_schema(n).schema_str)["fields"][-1]["name"] for n, _ in acknowledged}
    assert kept == dict(acknowledged)


def test_a_known_id_outlives_the_registry_and_a_new_program_gets_a_sentence(server: Server) -> None:
    topic = server.ws.fresh_topic("check-outage", partitions=1)
    place, text = SerializationContext(topic, MessageField.VALUE), json.dumps(schemas.avro())
    serialize = AvroSerializer(client(server), text)
    parcels.send(server.ws, topic, [serialize(PAYMENT, place)])
    server.kill()
    parcels.send(server.ws, topic, [serialize(PAYMENT, place)])
    with pytest.raises(httpx2.TransportError) as error:
        AvroSerializer(client(server, **{"max.retries": 0}), text)(PAYMENT, place)
    assert explained(error.value) == [
        "The schema registry does not answer.",
        "→ In a terminal: `workshop up --with registry`. Then run this cell again.",
    ]
    with pytest.raises(WorkshopError, match=r"does not answer.*workshop up --with registry"):
        servers.sweep(server.url)
    server.start()
    deserialize = AvroDeserializer(client(server))
    assert [deserialize(record.value, place) for record in parcels.read(server.ws, topic)] == [PAYMENT, PAYMENT]


def test_an_unknown_id_and_a_refused_version_are_sentences(server: Server) -> None:
    registry, subject = client(server), "check-sentences-value"
    with pytest.raises(SchemaRegistryError) as unknown:
        registry.get_schema(parcels.UNKNOWN_ID)
    assert "No schema has this id here" in explained(unknown.value)[1]
    registry.register_schema(subject, Schema(json.dumps(schemas.avro()), "AVRO"))
    registry.set_compatibility(subject, "BACKWARD")
    with pytest.raises(SchemaRegistryError) as refused:
        registry.register_schema(subject, Schema(schemas.five_changes()["currency added, no default"], "AVRO"))
    said = explained(refused.value)
    assert said[0].startswith("The schema registry answers 409: Incompatible artifact")
    assert "currency at /fields/5" in said[0]


def test_after_its_topic_is_deleted_it_starts_empty_and_counts_from_one(server: Server) -> None:
    old = client(server).register_schema("check-before-value", with_field("before"))
    server.stop()
    kafka_admin.delete_topics(server.ws.kafka, lambda topic: topic.startswith("kafkasql-"))
    server.start()
    registry = client(server)
    assert registry.get_subjects() == []
    assert registry.register_schema("check-after-value", with_field("after")) == 1
    assert old > 1  # an old record with this id has no schema now
    with pytest.raises(SchemaRegistryError):
        registry.get_schema(old)


def test_a_taken_port_is_told_before_anything_starts(server: Server) -> None:
    server.stop()
    port = server.process.port
    taken = pytest.raises(WorkshopError, match=rf"Port {port}.*in use by another program")
    with socket.create_server(("127.0.0.1", port)), taken:
        server.start()
    assert not server.process.runs()


def test_it_listens_on_loopback_only(server: Server) -> None:
    process = Processes(server.ws.settings.state).running()["registry"]
    places = {one.laddr for one in process.net_connections("tcp") if one.status == "LISTEN"}
    assert {place.port for place in places} == {server.process.port, server.process.health}
    assert {place.ip.removeprefix("::ffff:") for place in places} == {"127.0.0.1"}
