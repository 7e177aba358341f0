"""PostgreSQL and Kafka Connect together: not in somebody else's Kafka, and the password in the environment only."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from workshop.base.errors import WorkshopError
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.domain.debezium import PASSWORD
from workshop.stack.cdc import stack


class Postgres:
    password = "secret"  # noqa: S105

    def __init__(self, settings: Settings, port: int) -> None:
        self.port = port

    def start(self, tell: Callable) -> None:
        done.append(("postgres starts", self.port))

    def stop(self) -> None:
        done.append(("postgres stops", self.port))


class Connect:
    def __init__(self, settings: Settings, port: int) -> None:
        self.port = port

    def start(self, kafka: dict, secrets: dict, tell: Callable) -> None:
        assert secrets == {PASSWORD: "secret"}
        done.append(("connect starts", self.port))

    def stop(self) -> None:
        done.append(("connect stops", self.port))


done: list[tuple[str, int]] = []
PORTS = Ports(20_000)


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    done.clear()
    monkeypatch.setattr(stack, "Postgres", Postgres)
    monkeypatch.setattr(stack, "Connect", Connect)
    monkeypatch.setattr(stack.connect, "provision", lambda settings, timeline: None)


def up(settings: Settings) -> None:
    stack.up(settings, PORTS, {}, Timeline(Console(file=io.StringIO())))


def test_the_database_is_started_first_and_stopped_last(settings: Settings):
    up(settings)
    stack.down(settings, PORTS)
    assert [word for word, _ in done] == ["postgres starts", "connect starts", "connect stops", "postgres stops"]
    assert {port for word, port in done if "postgres" in word} == {PORTS.postgres}


def test_somebody_elses_kafka_is_left_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stack, "kept", lambda state: object())
    with pytest.raises(WorkshopError, match="not available with an existing Kafka"):
        up(settings)
    assert done == []
