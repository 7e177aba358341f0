"""Debezium's connector for PostgreSQL: its settings, and the parsing of its events. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

OPERATIONS = {"r": "read", "c": "insert", "u": "update", "d": "delete", "t": "truncate"}
PASSWORD = "BANK_PASSWORD"  # noqa: S105 (a variable's name)


def connector(database: str, port: int, prefix: str, tables: Sequence[str]) -> dict[str, object]:
    """Return the settings of a connector that follows some tables of a database.

    Args:
        prefix: the prefix of the topics' names: `PREFIX.public.TABLE`.
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
        # Without it, an update contains only the new row, and a delete only the key.
        "replica.identity.autoset.values": ",".join(f"public.{table}:FULL" for table in tables),
        "tombstones.on.delete": "true",
        "poll.interval.ms": 50,
        "topic.creation.default.replication.factor": 3,
        "topic.creation.default.partitions": 3,
    }


def slot(prefix: str) -> str:
    """Return the name of the replication slot and of the publication, without dashes."""
    return prefix.replace("-", "_")


@dataclass(frozen=True)
class Change:
    """A change of a row, as reported by Debezium.

    Attributes:
        operation: `read` (the row existed when the connector started), `insert`, `update`, `delete`; `tombstone` for the
            record without a value that follows a delete.
        before, after: the row before and after the change, or None.
        committed_ms: the time at which the database wrote the change, in milliseconds since 1970; 0 for a tombstone.
        lsn: the position in the database's log.
    """

    operation: str
    key: dict | None
    before: dict | None
    after: dict | None
    committed_ms: int
    lsn: int

    @property
    def row(self) -> dict:
        """The last known content of the row."""
        return self.after or self.before or self.key or {}


def read(key: bytes | None, value: bytes | None) -> Change:
    """Parse a record of a change topic.

    Raises:
        ValueError: the record is not a change of a row.
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
