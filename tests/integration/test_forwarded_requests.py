"""A request that the client sends once and a broker repeats, because the controller's answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from rich.console import Console
from workshop.base import endpoints
from workshop.base.settings import NODES, Ports, Settings
from workshop.base.timeline import Timeline
from workshop.kafka import access
from workshop.kafka import admin as kafka_admin
from workshop.kafka.properties import on_loopback
from workshop.stack import lifecycle
from workshop.stack.backends import local

from .lost_answers import BY_CLOSING, Kind, Losses, Relay

CREATE, GROW, DELETE = (Kind(key, forwarded=True) for key in (19, 37, 20))
TOPIC = "forwarded"


@pytest.fixture
def losses(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Losses]:
    """Start a stack whose brokers connect to the controllers through relays; yield the losses."""
    losses, relays = Losses(BY_CLOSING, set()), {}

    def through_relays(node: int, ports: Ports, data: Path) -> dict[str, object]:
        for one in NODES:
            if one not in relays:
                relays[one] = Relay(ports.controller(one), losses)
        voters = ",".join(f"{one}@127.0.0.1:{relay.port}" for one, relay in relays.items())
        return {**on_loopback(node, ports, data), "controller.quorum.voters": voters}

    monkeypatch.setattr(local, "on_loopback", through_relays)
    lifecycle.up(stack, Timeline(Console(quiet=True)), with_lab=False)
    yield losses
    lifecycle.down(stack)
    for relay in relays.values():
        relay.close()


def test_a_broker_s_own_repetition_is_not_taken_for_somebody_else_s_change(stack: Settings, losses: Losses):
    changes: dict[Kind, Callable[[KafkaAdminClient], object]] = {
        CREATE: lambda admin: admin.create_topics({TOPIC: {"num_partitions": 4, "replication_factor": 3}}),
        GROW: lambda admin: admin.create_partitions({TOPIC: 6}),
        DELETE: lambda admin: admin.delete_topics([TOPIC]),
    }
    with closing(kafka_admin.admin(access.client(endpoints.read(stack)["kafka"]))) as admin:
        for kind, change in changes.items():
            losses.requests.clear()
            losses.kinds.add(kind)
            change(admin)
            assert kind in losses.lost
            assert losses.requests[kind] >= 2, losses.requests  # three, if the controller changed meanwhile
