"""The story's services as processes of this machine, which a lesson starts, kills and restarts."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field

from workshop.base import endpoints
from workshop.base.environment import tool_environment
from workshop.base.processes import Component, Processes
from workshop.domain.payments import parse
from workshop.domain.payments.events import AccountDebited, PaymentDeclined
from workshop.kafka import access, consume
from workshop.kafka.handle import Kafka
from workshop.notebook.connection import Connection

ANY_PORT = {"HOST": "127.0.0.1", "PORT": "0"}  # for the HTTP endpoints, which are not used here


@dataclass
class Service:
    """A service as a process, `python -m services.NAME`, configured by its environment as in a pod.

    Attributes:
        kind: the service, such as `debits`.
        env: its settings, see `services.runtime.settings`; the settings of the Kafka connection are added.
        name: the name of the component and of the consumer group.
    """

    ws: Connection
    kind: str
    env: dict[str, str]
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"{self.kind}-{uuid.uuid4().hex[:6]}"

    def start(self) -> None:
        """Start it; it continues from its committed offsets."""
        settings = self.ws.settings
        argv = (str(settings.python_bin / "python"), "-m", f"services.{self.kind.replace('-', '_')}")
        kafka = access.for_services(endpoints.read(settings)["kafka"])
        own = {name: value for name, value in tool_environment(settings).items() if not name.startswith("KAFKA_")}
        env = {**own, **kafka, **ANY_PORT, **self.env, "GROUP": self.name}
        Processes(settings.state).start(Component(self.name, argv, env))

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        Processes(self.ws.settings.state).stop([self.name], at_once=True)

    def stop(self) -> None:
        """Stop it (SIGTERM)."""
        Processes(self.ws.settings.state).stop([self.name])


def debits(ws: Connection, payments: str, answers: str, balances: str, work_ms: float = 0) -> Service:
    """Return the service that debits accounts.

    Args:
        work_ms: milliseconds per payment, so that a lesson can kill the service in between.
    """
    topics = {"PAYMENTS_TOPIC": payments, "DEBITS_TOPIC": answers, "BALANCES_TOPIC": balances}
    return Service(ws, "debits", {**topics, "WORK_MS": f"{work_ms:g}"})


def fraud_alerts(ws: Connection, payments: str, reports: str, alerts: str) -> Service:
    """Return the service that evaluates payments as they arrive."""
    return Service(ws, "fraud-alerts", {"PAYMENTS_TOPIC": payments, "REPORTS_TOPIC": reports, "ALERTS_TOPIC": alerts})


def limit_alerts(ws: Connection, changes: str, payments: str, alerts: str) -> Service:
    """Return the service that compares payments with the limits in the bank's table `cards`."""
    return Service(ws, "limit-alerts", {"CHANGES_TOPIC": changes, "PAYMENTS_TOPIC": payments, "ALERTS_TOPIC": alerts})


def answered(ws: Kafka, topic: str) -> Counter:
    """Return how often `debits` answered each payment, according to committed records."""
    records = consume.read_all(ws, topic, isolation_level="read_committed")
    events = [parse(record.value) for record in records]
    return Counter(event.payment_id for event in events if isinstance(event, AccountDebited | PaymentDeclined))
