"""The contract of a payment in Avro, in JSON Schema and in Protobuf, and five changes of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

FIELDS = {"card": "string", "terminal": "string", "amount_cents": "long", "at": "string", "payment_id": "string"}


def avro() -> dict:
    """Return the Avro schema of a payment."""
    fields = [{"name": name, "type": kind} for name, kind in FIELDS.items()]
    return {"type": "record", "name": "PaymentMade", "fields": fields}


def json_schema() -> dict:
    """Return the JSON Schema of a payment."""
    properties: dict[str, dict] = {name: {"type": "string"} for name in FIELDS}
    properties["amount_cents"] = {"type": "integer", "minimum": 0}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "PaymentMade",
        "type": "object",
        "properties": properties,
        "required": list(FIELDS),
    }


def payment_message() -> type[Message]:
    """Return the Protobuf class of a payment.

    A project generates such a class from a file with `protoc`. Here it is built from the same description at run time.
    """
    kinds = descriptor_pb2.FieldDescriptorProto
    described = descriptor_pb2.FileDescriptorProto(name="payment.proto", package="bank", syntax="proto3")
    message = described.message_type.add(name="PaymentMade")
    for number, (name, kind) in enumerate(FIELDS.items(), 1):
        code = kinds.TYPE_INT64 if kind == "long" else kinds.TYPE_STRING
        message.field.add(name=name, number=number, type=code, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(described)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("bank.PaymentMade"))


def changed(schema: dict | str, change: Callable[[list[dict]], Any]) -> str:
    """Return an Avro schema, as text, after a change of its list of fields; the given schema stays as it is."""
    made = json.loads(schema) if isinstance(schema, str) else copy.deepcopy(schema)
    change(made["fields"])
    return json.dumps(made)


def _field(fields: list[dict], name: str) -> dict:
    return next(field for field in fields if field["name"] == name)


def five_changes() -> dict[str, str]:
    """Return five changes of the payment's schema: the name of each, and the changed schema as text."""
    changes: dict[str, Callable[[list[dict]], Any]] = {
        "currency added, no default": lambda all_: all_.append({"name": "currency", "type": "string"}),
        "currency added, default EUR": lambda all_: all_.append(
            {"name": "currency", "type": "string", "default": "EUR"}
        ),
        "terminal removed": lambda all_: all_.remove(_field(all_, "terminal")),
        "amount_cents is a double": lambda all_: _field(all_, "amount_cents").update(type="double"),
        "amount_cents renamed to cents": lambda all_: _field(all_, "amount_cents").update(name="cents"),
    }
    return {name: changed(avro(), change) for name, change in changes.items()}
