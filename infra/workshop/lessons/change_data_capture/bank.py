"""The bank of lesson 06: the monolith's database, its Debezium connector, the topics of its changes."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console

from workshop.base.environment import inherited
from workshop.base.errors import WorkshopError
from workshop.base.timeline import Timeline
from workshop.base.waiting import wait_until
from workshop.domain import debezium
from workshop.domain.debezium import PASSWORD, Change
from workshop.kafka import admin as kafka_admin
from workshop.kafka import consume
from workshop.notebook.connection import Connection
from workshop.stack.backends.choice import made_here
from workshop.stack.cdc import stack
from workshop.stack.cdc.connect import Connect
from workshop.stack.cdc.postgres import USER, Postgres, drop_slot

MONOLITH = Path("infra/deploy/monolith/bank.py")
OURS = "bank_"  # prefix of its databases, slots and publications
FOLLOWED_WITHIN = 60.0  # seconds
SIGNALS = "debezium_signal"  # a table whose rows are commands for Debezium


@dataclass
class Bank:
    """A database of the monolith, with a unique name.

    Attributes:
        name: the name of its connector, and the prefix of its topics.
        day: the changes of exercise 1, as they were handed out.
    """

    ws: Connection
    postgres: Postgres
    worker: Connect
    name: str = field(default_factory=lambda: f"bank-{uuid.uuid4().hex[:6]}")
    day: tuple[Change, ...] = ()

    @property
    def sql(self) -> SqlSettings:
        """The settings of a connection to the database: `psycopg.connect(**bank.sql)`."""
        return SqlSettings(
            host="127.0.0.1",
            port=self.postgres.port,
            dbname=self.database,
            user=USER,
            password=self.postgres.password,
            autocommit=True,
            connect_timeout=10,
        )

    @property
    def rest(self) -> dict[str, Any]:
        """The settings of a client of Kafka Connect's REST interface: `httpx.Client(**bank.rest)`."""
        return self.worker.rest()

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the connector is set up to follow; empty without a connector."""
        listed = self._config().get("table.include.list", "")
        return tuple(name.removeprefix("public.") for name in listed.split(",") if name)

    @property
    def database(self) -> str:
        """The name of the database, and of its slot."""
        return debezium.slot(self.name)

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Return a new connection to the database."""
        return self.postgres.connect(self.database, **options)

    def monolith(self, *words: object) -> str:
        """Run the monolith's program as a process; return its output.

        Raises:
            WorkshopError: the program failed; with its error output.
        """
        done = subprocess.run(self._program(words), env=self._env(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkshopError(done.stderr.strip() or "The monolith failed.", "`??bank.monolith` shows how it is run.")
        return done.stdout.strip()

    def working(self, *words: object) -> subprocess.Popen:
        """Start the monolith's program in the background; the caller waits for it or ends it."""
        return subprocess.Popen(
            self._program(words), env=self._env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def open_cards(self, count: int) -> list[str]:
        """Let the monolith open accounts; return the new cards."""
        self.monolith("open", count)
        rows = self.rows("select card from cards order by card desc limit %s", [count])
        return sorted(row["card"] for row in rows)

    def rows(self, query: str, values: Iterable = ()) -> list[dict]:
        """Return the result of a query, one dict per row."""
        with self.connect(row_factory=dict_row) as connection:
            return connection.execute(query, list(values)).fetchall()

    def table(self, name: str) -> list[dict]:
        """Return all current rows of a table, sorted by its first column."""
        with self.connect(row_factory=dict_row) as connection:
            return connection.execute(sql.SQL("select * from {} order by 1").format(sql.Identifier(name))).fetchall()

    def topic(self, table: str) -> str:
        """Return the topic with the changes of a table."""
        return f"{self.name}.public.{table}"

    def follow(self, *tables: str, **more: object) -> None:
        """Create a Debezium connector for these tables, and wait until it streams.

        Args:
            more: further settings of the connector.

        Raises:
            WorkshopError: the connector failed, with its reason, or it does not stream in time.
        """
        if self.worker.state(self.name)[0] == "FAILED":
            self.worker.delete(self.name)  # the same settings would not start it again
        config = debezium.connector(self.database, self.postgres.port, self.name, tables)
        self.worker.put(self.name, {**config, **more})
        self.wait_until_streaming()

    def wait_until_streaming(self) -> None:
        """Wait until the connector has read its tables (the snapshot) and reads the database's log.

        A connector that is killed before it has stored the end of the snapshot reads the tables again: the tables are
        correct then, but the changes in between are missing. So the call waits for that entry too; it needs a table
        with at least one readable row.

        Raises:
            WorkshopError: there is no connector, or it failed, with its reason, or it does not stream in time.
        """
        if not self.tables:
            raise WorkshopError(
                f"There is no connector {self.name}.", "Run the cell that sends its settings, then this one again."
            )
        wait_until(
            self._streams,
            FOLLOWED_WITHIN,
            "Debezium to follow the tables",
            every=0.1,
            next_step="`workshop logs connect` shows more.",
        )

    def follows(self, *tables: str) -> bool:
        """Return whether the connector was created for these tables and reads the database's log now."""
        return set(tables) <= set(self.tables) and bool(self._slot()["active"])

    def unfollow(self) -> None:
        """Delete the connector. Its replication slot remains, because Debezium cannot exclude that it returns."""
        self.worker.delete(self.name)
        self.wait_until_left()

    def wait_until_left(self) -> None:
        """Wait until no process reads from the connector's slot."""
        wait_until(lambda: not self._slot()["active"], 30, "Debezium to leave its slot", every=0.1)

    def changes(self, table: str) -> list[Change]:
        """Return every change of a table in its topic, partition by partition, with duplicates; a row's are in order."""
        if self.topic(table) not in self._topics():
            return []
        records = consume.read_all(self.ws, self.topic(table))
        return [debezium.read(record.key, record.value) for record in records]

    def settled(self, table: str, timeout: float = 60, *, whole: bool = False) -> list[Change]:
        """Wait until the topic's changes yield the table's current rows; return all changes.

        A row that has not changed since a column was added lacks this column in the topic.

        Args:
            whole: wait also until no row lacks a column.

        Raises:
            WorkshopError: they do not match in time; with the connector's own reason if it failed.
        """
        seen: list[Change] = []

        def equal() -> bool:
            seen[:] = self.changes(table)
            self._must_run()
            told, rows = current(seen), self.table(table)
            return told == rows if whole else agree(told, rows)

        wait_until(equal, timeout, f"the changes of {table} to reach their topic", every=0.2)
        return seen

    def slots(self) -> list[dict]:
        """Return the replication slots: name, whether in use, and the bytes of the log that they hold back."""
        return self.rows(
            "select slot_name, active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint as bytes_held"
            " from pg_replication_slots order by 1"
        )

    def kill_connect(self) -> None:
        """Kill Kafka Connect (SIGKILL)."""
        self.worker.kill()

    def start_connect(self) -> None:
        """Start Kafka Connect, and wait until it answers."""
        self.worker.start(self.ws.kafka, {PASSWORD: self.postgres.password})

    def close(self) -> str:
        """Delete the connector, its slot, its topics and the database, then stop Connect and PostgreSQL."""
        self.start_connect()
        sweep(self.ws, self.postgres, self.worker)
        stack.down(self.ws.settings, made_here(self.ws.settings).ports())
        return "PostgreSQL and Kafka Connect are stopped; no slot and no connector is left behind"

    def _program(self, words: tuple) -> list[str]:
        return [sys.executable, str(self.ws.settings.root / MONOLITH), *map(str, words)]

    def _env(self) -> dict[str, str]:
        return inherited(BANK_DATABASE=self.postgres.address(self.database))

    def _topics(self) -> set[str]:
        with closing(self.ws.admin()) as admin:
            return set(admin.list_topics())

    def _slot(self) -> dict:
        found = [slot for slot in self.slots() if slot["slot_name"] == self.database]
        return found[0] if found else {"active": False, "bytes_held": 0}

    def _must_run(self) -> None:
        state, reason = self.worker.state(self.name)
        if state == "FAILED":
            raise WorkshopError(f"The connector has failed: {reason}", "`workshop logs connect` shows more.")

    def _config(self) -> dict[str, str]:
        return self.worker.ask("GET", f"/connectors/{self.name}/config", missing={})

    def _streams(self) -> bool:
        """Return whether the connector streams changes, with its current settings.

        With new settings it starts again. Then Debezium writes the tables into its publication, and when it starts to
        stream, it sets the replica identity of each table to FULL.
        """
        self._must_run()
        tables = set(self.tables)
        whole = self.rows(
            "select bool_and(relreplident = 'f') as whole from pg_class where oid = any(%s::regclass[])",
            [[f"public.{table}" for table in tables]],
        )
        named = self.rows("select tablename from pg_publication_tables where pubname = %s", [self.database])
        published = {row["tablename"] for row in named} - {SIGNALS}
        place = self.worker.place(self.name)
        has_read = place.get("snapshot_completed") or (place and "snapshot" not in place)
        return bool(self._slot()["active"] and whole[0]["whole"] and published == tables - {SIGNALS} and has_read)


def agree(told: list[dict], rows: list[dict]) -> bool:
    """Return whether rows from a topic equal a table's rows in all columns that the topic has. Pure."""
    return len(told) == len(rows) and all(one.items() <= row.items() for one, row in zip(told, rows, strict=True))


class SqlSettings(dict):
    """The settings of a database connection; their text hides the password."""

    def __repr__(self) -> str:
        return repr({key: "…" if key == "password" else value for key, value in self.items()})

    __str__ = __repr__


def current(changes: Iterable[Change]) -> list[dict]:
    """Return the rows after all changes, sorted by their first column: a table is a fold of its changes."""
    rows: dict[str, dict] = {}
    for change in changes:
        name = repr(change.key)
        if change.after is None:
            rows.pop(name, None)
        else:
            rows[name] = change.after
    return sorted(rows.values(), key=lambda row: next(iter(row.values())))


def ensure(ws: Connection, accounts: int = 8) -> Bank:
    """Start PostgreSQL and Kafka Connect, clean up interrupted runs, and create the bank's database."""
    ports = made_here(ws.settings).ports()
    # In a notebook, rich would print each line as a separate output, and a bar for each step.
    plain = Console(file=sys.stdout, force_jupyter=False, force_terminal=False)
    stack.up(ws.settings, ports, ws.kafka, Timeline(plain))
    bank = Bank(ws, Postgres(ws.settings, ports.postgres), Connect(ws.settings, ports.connect))
    sweep(ws, bank.postgres, bank.worker)
    bank.postgres.create_database(bank.database)
    bank.monolith("create")
    bank.monolith("open", accounts)
    return bank


def sweep(ws: Connection, postgres: Postgres, worker: Connect) -> None:
    """Delete every connector and slot, and the bank's databases and topics."""
    for name in worker.ask("GET", "/connectors"):
        worker.delete(name)
    with postgres.connect("postgres") as connection:
        for (slot,) in connection.execute("select slot_name from pg_replication_slots").fetchall():
            drop_slot(connection, slot)
        found = connection.execute("select datname from pg_database where starts_with(datname, %s)", [OURS]).fetchall()
        for (name,) in found:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    kafka_admin.delete_topics(ws.kafka, lambda topic: topic.startswith("bank-"))
