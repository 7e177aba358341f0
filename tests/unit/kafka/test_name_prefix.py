"""A participant's prefix: on the wire in every message that names something, and nowhere else."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator

import pytest
from kafka.protocol.api_message import ApiMessage
from kafka.protocol.data_container import DataContainer
from kafka.protocol.metadata import FindCoordinatorRequest, MetadataRequest, MetadataResponse
from kafka.protocol.schemas.fields.base import BaseField
from kafka.protocol.schemas.fields.simple import SimpleField
from workshop.kafka import name_prefix

MESSAGES = {message.__name__: message for message in name_prefix.messages() if issubclass(message, ApiMessage)}
WITH_NAMES = {name: message for name, message in MESSAGES.items() if list(name_prefix.fields(message))}
# What the lessons, the services and the checks send; a new version of the client that names one otherwise is noticed here.
USED = {
    "Metadata": "topics",
    "FindCoordinator": "keys",
    "Produce": "topics and a transaction",
    "Fetch": "topics",
    "ListOffsets": "topics",
    "OffsetCommit": "a group and topics",
    "OffsetFetch": "groups and topics",
    "JoinGroup": "a group",
    "SyncGroup": "a group",
    "Heartbeat": "a group",
    "LeaveGroup": "a group",
    "InitProducerId": "a transaction",
    "AddPartitionsToTxn": "a transaction and topics",
    "AddOffsetsToTxn": "a transaction and a group",
    "TxnOffsetCommit": "a transaction, a group and topics",
    "EndTxn": "a transaction",
    "CreateTopics": "topics",
    "DeleteTopics": "topics",
    "DescribeConfigs": "topics and groups",
    "IncrementalAlterConfigs": "topics and groups",
    "AlterConfigs": "topics and groups",
    "DescribeGroups": "groups",
    "DeleteGroups": "groups",
    "ElectLeaders": "topics",
}


@pytest.fixture(autouse=True)
def alice() -> Iterator[None]:
    name_prefix.use("alice-")
    yield
    name_prefix.use("")


@pytest.mark.parametrize("name", USED)
def test_each_request_that_lessons_send_has_such_fields(name: str):
    assert f"{name}Request" in WITH_NAMES, f"it should name {USED[name]}"


def filled(field: BaseField, names: set[int], version: int, seen: list[str]) -> object:
    """A value for a field: `payments` where it holds a name, otherwise whatever its kind allows."""
    inside = getattr(field, "array_of", None)
    if inside is not None:
        return [filled(inside, names, version, seen)]
    if isinstance(field, SimpleField):
        if id(field) in names:
            seen.append(field.name)
            return "payments"
        kind = field._type_str
        simple = {
            "string": "text",
            "bool": True,
            "float64": 0.5,
            "uuid": uuid.UUID(int=7),
            "bytes": b"b",
            "records": b"r",
            "bitfield": {3},
        }
        return simple.get(kind, 1)
    return made(field, field.data_class, names, version, seen)


def made(struct: BaseField, kind: type, names: set[int], version: int, seen: list[str]) -> DataContainer:
    """A whole message or part of one, with all fields that this version writes."""
    values = {}
    for field in struct._fields:
        if field.for_version_q(version) and not field.tagged_field_q(version):
            values[field.name] = filled(field, names, version, seen)
    return kind(version=version, **values)


def again(message: ApiMessage) -> bytes:
    """What was read, written again; a message that is read by its fast codec lacks what writing asks for."""
    message._header = None
    return bytes(message.encode())


@pytest.mark.parametrize("name", sorted(WITH_NAMES))
def test_a_name_is_written_with_the_prefix_and_read_without(name: str):
    message = WITH_NAMES[name]
    low, high = message._valid_versions
    for version in range(low, high + 1):
        flexible = {"compact": message.flexible_version_q(version), "tagged": message.flexible_version_q(version)}
        names, seen = {id(field) for field, _ in name_prefix.fields(message)}, []
        written = made(message._struct, message, names, version, seen)
        wire = bytes(written.encode(version=version))
        assert wire.count(b"alice-payments") == len(seen) == wire.count(b"payments")
        # What was read says `payments`, or it would have two prefixes when it is written again.
        assert again(message.decode(wire, version=version)) == wire
        # The same by the codec that is not compiled, which tagged fields take.
        assert bytes(message._struct.encode(written, version=version, **flexible)) == wire
        read = message._struct.decode(io.BytesIO(wire), version=version, data_class=message, **flexible)
        assert again(read) == wire


def topics(names: list[str | None]) -> bytes:
    made = [MetadataRequest.MetadataRequestTopic(name=name) for name in names]
    return bytes(MetadataRequest(topics=made).encode(version=12))


def test_null_and_internal_names_stay_as_they_are():
    wire = topics([None, "__consumer_offsets", "payments"])
    assert wire.count(b"alice-") == 1
    assert b"alice-payments" in wire
    assert [topic.name for topic in MetadataRequest.decode(wire, version=12).topics] == [
        None,
        "__consumer_offsets",
        "payments",
    ]


def test_somebody_elses_name_is_never_taken_for_ours_and_can_be_said():
    name_prefix.use("")
    wire = topics(["payments", "bob-payments", "alice-payments"])
    name_prefix.use("alice-")
    names = [topic.name for topic in MetadataRequest.decode(wire, version=12).topics]
    assert names == ["/payments", "/bob-payments", "payments"]
    assert topics(names) == wire


def test_coordinators_are_asked_by_full_names():
    one = bytes(FindCoordinatorRequest(key="debits", key_type=0).encode(version=3))
    many = bytes(FindCoordinatorRequest(coordinator_keys=["debits"], key_type=1).encode(version=4))
    assert b"alice-debits" in one
    assert b"alice-debits" in many


def test_a_brokers_number_is_no_name():
    message = MESSAGES["DescribeConfigsRequest"]
    resources = [
        message.DescribeConfigsResource(resource_type=kind, resource_name=name) for kind, name in ((4, "1"), (2, "t"))
    ]
    wire = bytes(message(resources=resources).encode(version=4))
    assert b"alice-t" in wire
    assert b"alice-1" not in wire
    assert [one.resource_name for one in message.decode(wire, version=4).resources] == ["1", "t"]


def test_what_was_compiled_before_is_forgotten_and_without_a_prefix_nothing_changes():
    name_prefix.use("")
    wire = topics(["payments"])
    assert b"alice" not in wire
    assert [topic.name for topic in MetadataRequest.decode(wire, version=12).topics] == ["payments"]
    name_prefix.use("bob.")
    assert b"bob.payments" in topics(["payments"])


def test_full_and_own_are_each_others_opposite():
    for name in ("payments", "", "__transaction_state", "/bob-payments"):
        assert name_prefix.own(name_prefix.full(name)) == name
    assert MetadataResponse in name_prefix.messages()
