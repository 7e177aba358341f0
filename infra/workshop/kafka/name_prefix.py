"""Prefix of a participant's topics, groups and transactions: `alice-payments` instead of `payments`.

Programs use names without the prefix; requests to Kafka contain it. kafka-python builds its messages from Kafka's schemas, in
which a field has an entity type. The fields of topic, group and transaction names get a codec that adds the prefix when it
writes and removes it when it reads. The prefix applies to the whole process.

A name without the prefix belongs to another participant. It is read with a leading slash, `/bob-payments`, which topic names
cannot contain. So it is never confused with an own name, and a program can refer to it explicitly, as with an absolute path.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import kafka.protocol
from kafka.protocol.api_message import ApiMessage
from kafka.protocol.data_container import DataContainer
from kafka.protocol.schemas.fields.base import BaseField
from kafka.protocol.schemas.fields.codecs import String
from kafka.protocol.schemas.fields.simple import SimpleField
from kafka.protocol.schemas.fields.struct import StructField

NAMED = ("topicName", "groupId", "transactionalId")  # entity types in the schemas
FOREIGN = "/"
# Fields that contain such names without an entity type.
COORDINATOR_KEYS = {"Key", "CoordinatorKeys"}
RESOURCES = {"ResourceName"}  # a topic or a group; a broker's number or an empty name stays unchanged
_ours = ""
_installed = False


def use(prefix: str) -> None:
    """Set the prefix for all clients of this process; an empty one removes it."""
    global _ours, _installed
    _ours = prefix
    if prefix and not _installed:
        _install()
        _installed = True


def full(name: str) -> str:
    """Return the name with the prefix, for clients that do not add it: confluent-kafka, Kafka's tools."""
    if not _ours or not name or name.startswith("__"):
        return name
    return name.removeprefix(FOREIGN) if name.startswith(FOREIGN) else f"{_ours}{name}"


def own(name: str) -> str:
    """Return the name without the prefix; another participant's name begins with a slash."""
    if not _ours or not name or name.startswith("__"):
        return name
    return name.removeprefix(_ours) if name.startswith(_ours) else f"{FOREIGN}{name}"


def messages() -> Iterator[type[DataContainer]]:
    """Yield every message class of kafka-python once."""
    for module in pkgutil.walk_packages(kafka.protocol.__path__, "kafka.protocol."):
        if ".old" not in module.name and "generate" not in module.name:
            importlib.import_module(module.name)
    seen = set()
    for message in _subclasses(DataContainer):
        struct = message.__dict__.get("_struct")  # all versions of a message share one
        if isinstance(struct, StructField) and id(struct) not in seen:
            seen.add(id(struct))
            yield message


def fields(message: type[DataContainer]) -> Iterator[tuple[SimpleField, bool]]:
    """Yield the fields of a message that contain such a name, each with whether it names a resource."""
    coordinator = message.__name__.startswith("FindCoordinator")
    configs = issubclass(message, ApiMessage) and "Config" in message.__name__
    struct: Any = message._struct  # a `StructField`: `messages` checks it
    for field in _simple(struct):
        if field._entity_type in NAMED or (coordinator and field._name in COORDINATOR_KEYS):
            yield field, False
        elif configs and field._name in RESOURCES:
            yield field, True


def _install() -> None:
    for message in messages():
        found = list(fields(message))
        for field, resource in found:
            field._type = RESOURCE if resource else NAME
        if found:  # encoders that are already compiled lack the codec
            struct: Any = message._struct
            struct._compiled_encoders.clear()


def _subclasses(of: type) -> Iterator[type]:
    children: list[type] = of.__subclasses__()
    for one in children:
        yield one
        yield from _subclasses(one)


def _simple(field: BaseField) -> Iterator[SimpleField]:
    inside = getattr(field, "array_of", None)
    if isinstance(field, SimpleField):
        yield field
    elif inside is not None:
        yield from _simple(inside)
    else:
        for one in field._fields or ():
            yield from _simple(one)


class _Prefixed(String):
    """A codec for strings that are written with the prefix and read without it."""

    def __init__(self, write: Callable, read: Callable) -> None:
        super().__init__()
        self._write, self._read = write, read

    def encode(self, value: str | None, compact: bool = False) -> bytes:
        return super().encode(self._write(value), compact=compact)

    def encode_into(self, out: object, value: str | None, compact: bool = False) -> None:
        super().encode_into(out, self._write(value), compact=compact)

    def decode(self, data: object, compact: bool = False) -> str | None:
        return self._read(super().decode(data, compact=compact))

    def emit_encode_into(self, ctx: Any, val_expr: str, indent: str, compact: bool = False) -> None:
        write, value = ctx.next_var("write"), ctx.next_var("name")
        ctx.globs[write] = self._write
        ctx.emit(indent, f"{value} = {write}({val_expr})")
        super().emit_encode_into(ctx, value, indent, compact=compact)

    def emit_decode_from(self, ctx: Any, var_name: str, indent: str, compact: bool = False) -> None:
        read = ctx.next_var("read")
        ctx.globs[read] = self._read
        super().emit_decode_from(ctx, var_name, indent, compact=compact)
        ctx.emit(indent, f"{var_name} = {read}({var_name})")


def _unless_null(change: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda name: None if name is None else change(str(name))


def _unless_a_number(change: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda name: None if name is None else name if str(name).isdigit() else change(str(name))


NAME = _Prefixed(_unless_null(full), _unless_null(own))
RESOURCE = _Prefixed(_unless_a_number(full), _unless_a_number(own))
