"""Debezium's connector for PostgreSQL: how it is declared, and what its events say. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

OPERATIONS = {"r": "read", "c": "insert", "u": "update", "d": "delete", "t": "truncate"}
PASSWORD = "BANK_PASSWORD"  # noqa: S105 (a variable's name)


def connector(database: str, port: int, prefix: str, tables: Sequence[str]) -> dict[str, object]:
    """The settings of a connector that follows some tables of a database.

    Args:
        prefix: what its topics are named after: `PREFIX.public.TABLE`.
    """
    names = ",".join(f"public.{table}" for table in tables)
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "127.0.0.1",
        "database.port": port,
        "database.user": "bank",
        "database.password": "${env:" + PASSWORD + "}",
        "database.dbname": database,
        "topic.prefix": prefix,
        "plugin.name": "pgoutput",
        "slot.name": slot(prefix),
        "publication.name": slot(prefix),
        "publication.autocreate.mode": "filtered",
        "table.include.list": names,
        # Without it an update tells only what is now, and a delete only the key.
        "replica.identity.autoset.values": ",".join(f"public.{table}:FULL" for table in tables),
        "tombstones.on.delete": "true",
        "poll.interval.ms": 50,
        "topic.creation.default.replication.factor": 3,
        "topic.creation.default.partitions": 3,
    }


def slot(prefix: str) -> str:
    """The name of the replication slot, and of the publication: small letters, digits, underscores."""
    return prefix.replace("-", "_")


@dataclass(frozen=True)
class Change:
    """A row's change, as Debezium tells it.

    Attributes:
        operation: `read` (it was there when the connector came), `insert`, `update`, `delete`; `tombstone` for the record
            without a value that follows a delete.
        before, after: the row as it was and as it is, or None.
        committed_ms: when the database wrote it, in milliseconds since 1970; 0 for a tombstone.
        lsn: the place in the database's own log.
    """

    operation: str
    key: dict | None
    before: dict | None
    after: dict | None
    committed_ms: int
    lsn: int

    @property
    def row(self) -> dict:
        """The row that it is about, as last known."""
        return self.after or self.before or self.key or {}


def read(key: bytes | None, value: bytes | None) -> Change:
    """What a record of a change topic says.

    Raises:
        ValueError: it is none.
    """
    named = json.loads(key) if key else None
    if value is None:
        return Change("tombstone", named, None, None, 0, 0)
    content = json.loads(value)
    try:
        source = content["source"]
        operation = OPERATIONS[content["op"]]
        return Change(operation, named, content["before"], content["after"], source["ts_ms"], source["lsn"] or 0)
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no change of a row ({error} is missing)") from None
