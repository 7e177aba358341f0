"""The story's services as processes of this machine, which a lesson starts, kills and starts again."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass

from workshop import reading
from workshop.connection import Connection
from workshop.environment import tool_environment
from workshop.payments import parse
from workshop.payments.events import AccountDebited, PaymentDeclined
from workshop.processes import Component, Processes

GROUP = "GROUP"


@dataclass
class Service:
    """A service of the story as a process: `python -m MODULE ADDRESSES WORDS`.

    Attributes:
        module: what is run, such as workshop.debits.
        words: its arguments after the brokers' addresses; the group's name, which is also the component's, goes where
            `GROUP` stands.
    """

    ws: Connection
    module: str
    words: tuple[str, ...]
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or f"{self.module.split('.')[-1].replace('_', '-')}-{uuid.uuid4().hex[:6]}"

    def start(self) -> None:
        """Start it; it goes on where it had stopped."""
        settings = self.ws.settings
        words = [self.name if word == GROUP else word for word in self.words]
        argv = (
            str(settings.python_bin / "python"),
            "-m",
            self.module,
            ",".join(self.ws.kafka["bootstrap_servers"]),
            *words,
        )
        Processes(settings.state).start(Component(self.name, argv, tool_environment(settings)))

    def kill(self) -> None:
        """End it without a word."""
        Processes(self.ws.settings.state).stop([self.name], at_once=True)

    def stop(self) -> None:
        """Let it leave politely."""
        Processes(self.ws.settings.state).stop([self.name])


def debits(ws: Connection, payments: str, answers: str, balances: str, work_ms: float = 0) -> Service:
    """The service that debits accounts; `work_ms` is how long a payment takes, to have time to be killed."""
    return Service(ws, "workshop.debits", (payments, answers, balances, GROUP, str(work_ms)))


def fraud_alerts(ws: Connection, payments: str, reports: str, alerts: str) -> Service:
    """The service that judges payments while they are made."""
    return Service(ws, "workshop.fraud_alerts", (payments, reports, alerts, GROUP))


def answered(ws: Connection, topic: str) -> Counter:
    """How often each payment was answered by `debits`, as readers of committed events see it."""
    records = reading.read_all(ws, topic, isolation_level="read_committed")
    events = [parse(record.value) for record in records]
    return Counter(event.payment_id for event in events if isinstance(event, AccountDebited | PaymentDeclined))
