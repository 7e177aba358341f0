"""PostgreSQL as a component: its arguments, its password, and the advice that its log leads to."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from workshop.base.diagnosis import diagnose
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.cdc import postgres
from workshop.stack.cdc.postgres import Postgres


@pytest.fixture
def server(settings: Settings) -> Postgres:
    return Postgres(settings, 20_004)


def test_the_password_is_made_once_and_readable_by_its_user_only(server: Postgres):
    assert server.password == server.password
    assert len(server.password) == 32
    assert (server.folder / "password").stat().st_mode & 0o777 == 0o600


def test_an_address_names_the_database_and_stays_on_this_machine(server: Postgres):
    assert server.address("bank_1") == f"postgresql://bank:{server.password}@127.0.0.1:20004/bank_1"


def test_the_password_is_not_on_the_command_line(server: Postgres):
    password = server.password
    component = server._component()
    assert password not in " ".join(component.argv)
    assert "wal_level=logical" in component.argv
    assert "listen_addresses=127.0.0.1" in component.argv
    assert (component.ports, component.stop_signal) == ((20_004,), signal.SIGINT)


def test_a_server_that_does_not_answer_is_a_sentence(settings: Settings):
    with pytest.raises(WorkshopError, match=r"PostgreSQL does not answer: .*workshop up --with cdc"):
        Postgres(settings, 9).connect("bank")


def test_half_a_folder_is_none(server: Postgres, monkeypatch: pytest.MonkeyPatch):
    done = subprocess.CompletedProcess(
        [], 1, "", "\n".join(f"line {n}" for n in range(9)) + "\nNo space left on device"
    )
    monkeypatch.setattr(postgres.subprocess, "run", lambda *words, **more: done)
    with pytest.raises(WorkshopError, match="could not make its folder") as failed:
        server._make()
    assert not (server.folder / "data").exists()
    assert failed.value.next_step.startswith("The disk is full")
    assert len(failed.value.detail.splitlines()) == 6


@pytest.mark.parametrize(
    ("log", "advice"),
    [
        ("FATAL: could not create any TCP/IP sockets", "Its port was taken"),
        ("Permission denied", "PostgreSQL may not read a folder"),
        ("initdb: error: cannot be run as root", "Run the workshop as an ordinary user."),
        ("something else", "`workshop logs postgres`"),
    ],
)
def test_each_known_line_of_a_log_has_its_advice(log: str, advice: str):
    assert diagnose(log, postgres.ENDED).advice.startswith(advice)


def test_the_programs_are_those_of_the_wheel():
    assert postgres.program("initdb").is_file()


def test_a_wheel_that_is_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "WHEEL", "no_such_wheel")
    with pytest.raises(WorkshopError, match="PostgreSQL is not installed"):
        postgres.program("initdb")


class Connection:
    """A connection that drops a slot at the third attempt."""

    def __init__(self) -> None:
        self.attempts = 0

    def execute(self, statement: str, values: list[str]) -> None:
        assert values == ["slot"]
        if "pg_drop_replication_slot" in statement:
            self.attempts += 1
            if self.attempts < 3:
                raise postgres.errors.ObjectInUse


def test_a_slot_that_is_still_in_use_is_dropped_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workshop.base.waiting.time.sleep", lambda seconds: None)
    connection = Connection()
    postgres.drop_slot(connection, "slot")
    assert connection.attempts == 3


def test_the_data_lie_below_the_stack(server: Postgres, settings: Settings):
    assert server._data == Path(settings.state / "cdc/postgres/data")
