"""A participant's prefix: programs say `payments`, the wire says `alice-payments`; for topics, groups and transactions.

kafka-python makes its messages from Kafka's own schemas, in which a field says what it names. Those that name a topic, a
group or a transaction get a codec that adds the prefix when it writes and takes it off when it reads. It counts for a whole
process.

A name that does not carry the prefix is somebody else's. It is read with a slash before it, `/bob-payments`, which no topic
can have: so it is never taken for one of ours, and a program that means it can say so, as with a path from the root.
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

NAMED = ("topicName", "groupId", "transactionalId")  # what the schemas say of a field
FOREIGN = "/"
# Fields that hold such names, and whose schemas do not say so.
COORDINATOR_KEYS = {"Key", "CoordinatorKeys"}
RESOURCES = {"ResourceName"}  # a topic or a group; or a broker's number, or nothing, which stay
_ours = ""
_installed = False


def use(prefix: str) -> None:
    """Let every client of this process say names with this prefix; an empty one takes it back. Harmless if called again."""
    global _ours, _installed
    _ours = prefix
    if prefix and not _installed:
        _install()
        _installed = True


def full(name: str) -> str:
    """The name as it stands on the wire, for clients that know of no prefix: confluent-kafka's, and Kafka's own tools."""
    if not _ours or not name or name.startswith("__"):
        return name
    return name.removeprefix(FOREIGN) if name.startswith(FOREIGN) else f"{_ours}{name}"


def own(name: str) -> str:
    """The name as programs say it; somebody else's begins with a slash."""
    if not _ours or not name or name.startswith("__"):
        return name
    return name.removeprefix(_ours) if name.startswith(_ours) else f"{FOREIGN}{name}"


def messages() -> Iterator[type[DataContainer]]:
    """Every message that kafka-python knows, each once."""
    for module in pkgutil.walk_packages(kafka.protocol.__path__, "kafka.protocol."):
        if ".old" not in module.name and "generate" not in module.name:
            importlib.import_module(module.name)
    seen = set()
    for message in _subclasses(DataContainer):
        struct = message.__dict__.get("_struct")  # versions of a message share that of the first
        if isinstance(struct, StructField) and id(struct) not in seen:
            seen.add(id(struct))
            yield message


def fields(message: type[DataContainer]) -> Iterator[tuple[SimpleField, bool]]:
    """The fields of a message that hold such a name, and whether it is a resource's."""
    coordinator = message.__name__.startswith("FindCoordinator")
    configs = issubclass(message, ApiMessage) and "Config" in message.__name__
    struct: Any = message._struct  # a `StructField`, as `messages` looks for
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
        if found:  # what was compiled before knows nothing of it
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
    """A string that is written with the prefix and read without; a copy of kafka-python's with a function at each end."""

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
