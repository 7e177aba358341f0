"""The bank as a lesson has it: a database of the monolith's, what follows its changes, and what reached the topics."""

from __future__ import annotations

import os
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
from workshop.stack.cdc.postgres import Postgres, drop_slot

MONOLITH = Path("infra/deploy/monolith/bank.py")
OURS = "bank_"  # what its databases, slots and publications begin with
FOLLOWED_WITHIN = 60.0  # seconds


@dataclass
class Bank:
    """One database of the monolith's, under a name that no run had before.

    Attributes:
        name: what its connector, and its topics, are named after.
        tables: which are followed.
    """

    ws: Connection
    postgres: Postgres
    worker: Connect
    name: str = field(default_factory=lambda: f"bank-{uuid.uuid4().hex[:6]}")
    tables: tuple[str, ...] = ()

    @property
    def database(self) -> str:
        """The database's name, and its slot's."""
        return debezium.slot(self.name)

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """A new connection to the database."""
        return self.postgres.connect(self.database, **options)

    def monolith(self, *words: object) -> str:
        """Run the monolith's program, a process of its own; returns what it printed.

        Raises:
            WorkshopError: it failed, with what it said.
        """
        done = subprocess.run(self._program(words), env=self._env(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkshopError(done.stderr.strip() or "The monolith failed.", "`??bank.monolith` shows how it is run.")
        return done.stdout.strip()

    def working(self, *words: object) -> subprocess.Popen:
        """Let the monolith's program run beside; wait for it, or end it."""
        return subprocess.Popen(
            self._program(words), env=self._env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def open_cards(self, count: int) -> list[str]:
        """Let the monolith open accounts; returns the new cards."""
        self.monolith("open", count)
        rows = self.rows("select card from cards order by card desc limit %s", [count])
        return sorted(row["card"] for row in rows)

    def rows(self, query: str, values: Iterable = ()) -> list[dict]:
        """What the database answers, a dict a row."""
        with self.connect(row_factory=dict_row) as connection:
            return connection.execute(query, list(values)).fetchall()

    def table(self, name: str) -> list[dict]:
        """All rows of a table as they are now, by its first column."""
        with self.connect(row_factory=dict_row) as connection:
            return connection.execute(sql.SQL("select * from {} order by 1").format(sql.Identifier(name))).fetchall()

    def topic(self, table: str) -> str:
        """Where a table's changes are."""
        return f"{self.name}.public.{table}"

    def follow(self, *tables: str, **more: object) -> None:
        """Declare a Debezium connector for these tables, and wait until it has read what is there and follows the rest.

        Before it has noted that it read what was there, a connector that is killed reads it again: the tables are right then,
        but what happened in between is told by nobody. So that note is waited for too; it takes a row that can be read.

        Args:
            more: further settings of the connector.

        Raises:
            WorkshopError: it fails, with its reason, or does not come so far.
        """
        self.tables = tables
        config = debezium.connector(self.database, self.postgres.port, self.name, tables)
        self.worker.put(self.name, {**config, **more})
        wait_until(
            self._follows,
            FOLLOWED_WITHIN,
            "Debezium to follow the tables",
            every=0.1,
            next_step="`workshop logs connect` shows more.",
        )

    def follows(self, *tables: str) -> bool:
        """Whether Debezium was told to follow these tables, and reads the database's log now."""
        return set(tables) <= set(self.tables) and bool(self._slot()["active"])

    def unfollow(self) -> None:
        """Take the connector away. Its replication slot stays behind: Debezium does not know whether it comes back."""
        self.worker.delete(self.name)
        wait_until(lambda: not self._slot()["active"], 30, "the slot to be left alone", every=0.1)

    def changes(self, table: str) -> list[Change]:
        """Every change of a table that has reached its topic, in the order of the database's log, duplicates too."""
        if self.topic(table) not in self._topics():
            return []
        records = consume.read_all(self.ws, self.topic(table))
        return [debezium.read(record.key, record.value) for record in records]

    def settled(self, table: str, timeout: float = 60) -> list[Change]:
        """Wait until what the topic says is what the table holds; returns all changes.

        Raises:
            WorkshopError: it does not come so far; with the connector's own reason if it failed.
        """
        seen: list[Change] = []

        def equal() -> bool:
            seen[:] = self.changes(table)
            self._must_run()
            return current(seen) == self.table(table)

        wait_until(equal, timeout, f"the changes of {table} to reach their topic", every=0.2)
        return seen

    def slots(self) -> list[dict]:
        """Each replication slot: its name, whether somebody reads, and the bytes of the log that it holds back."""
        return self.rows(
            "select slot_name, active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint as bytes_held"
            " from pg_replication_slots order by 1"
        )

    def kill_connect(self) -> None:
        """End Kafka Connect without a word."""
        self.worker.kill()

    def start_connect(self) -> None:
        """Start Kafka Connect, and wait until it answers."""
        self.worker.start(self.ws.kafka, {PASSWORD: self.postgres.password})

    def close(self) -> str:
        """Take away the connector, its slot, its topics and the database, then stop Connect and PostgreSQL."""
        self.start_connect()
        sweep(self.ws, self.postgres, self.worker)
        stack.down(self.ws.settings, made_here(self.ws.settings).ports())
        return "PostgreSQL and Kafka Connect are stopped; no slot and no connector is left behind"

    def _program(self, words: tuple) -> list[str]:
        return [sys.executable, str(self.ws.settings.root / MONOLITH), *map(str, words)]

    def _env(self) -> dict[str, str]:
        return {**os.environ, "BANK_DATABASE": self.postgres.address(self.database)}

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

    def _follows(self) -> bool:
        """It streams. Debezium has every table tell whole rows when it begins to, after it has read what was there."""
        self._must_run()
        whole = self.rows(
            "select bool_and(relreplident = 'f') as whole from pg_class where oid = any(%s::regclass[])",
            [[f"public.{table}" for table in self.tables]],
        )
        place = self.worker.place(self.name)
        has_read = place.get("snapshot_completed") or (place and "snapshot" not in place)
        return bool(self._slot()["active"] and whole[0]["whole"] and has_read)


def current(changes: Iterable[Change]) -> list[dict]:
    """The rows that are left when all changes have happened, by their first column: a table is a fold of its changes."""
    rows: dict[str, dict] = {}
    for change in changes:
        name = repr(change.key)
        if change.after is None:
            rows.pop(name, None)
        else:
            rows[name] = change.after
    return sorted(rows.values(), key=lambda row: next(iter(row.values())))


def ensure(ws: Connection, accounts: int = 8) -> Bank:
    """Start PostgreSQL and Kafka Connect, clear away what an interrupted run left, and make the bank's database."""
    ports = made_here(ws.settings).ports()
    # In a notebook rich sets each line apart, and leaves a bar for each step.
    plain = Console(file=sys.stdout, force_jupyter=False, force_terminal=False)
    stack.up(ws.settings, ports, ws.kafka, Timeline(plain))
    bank = Bank(ws, Postgres(ws.settings, ports.postgres), Connect(ws.settings, ports.connect))
    sweep(ws, bank.postgres, bank.worker)
    bank.postgres.create_database(bank.database)
    bank.monolith("create")
    bank.monolith("open", accounts)
    return bank


def sweep(ws: Connection, postgres: Postgres, worker: Connect) -> None:
    """Take away every connector, slot, database and topic of the bank's."""
    for name in worker.ask("GET", "/connectors"):
        worker.delete(name)
    with postgres.connect("postgres") as connection:
        for (slot,) in connection.execute("select slot_name from pg_replication_slots").fetchall():
            drop_slot(connection, slot)
        found = connection.execute("select datname from pg_database where starts_with(datname, %s)", [OURS]).fetchall()
        for (name,) in found:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    kafka_admin.delete_topics(ws.kafka, lambda topic: topic.startswith("bank-"))
