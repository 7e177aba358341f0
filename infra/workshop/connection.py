"""What a notebook gets from `workshop.connect()`: the addresses, and errors as sentences."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, RetriableError

from workshop import (
    client_repairs,
    cluster,
    environment,
    kafka_access,
    kafka_requests,
    kubectl,
    name_prefix,
    notebook_errors,
    open_lessons,
    topics,
)
from workshop.backends import by_name
from workshop.errors import WorkshopError
from workshop.faults import Brokers, KubernetesNodes
from workshop.kafka_probe import some_broker_answers
from workshop.kafka_sentences import ADVICE
from workshop.settings import Settings

# A client that waits for a broker that restarts asks again at least this often; without it, pauses grow to 30 seconds.
PATIENT = {"reconnect_backoff_max_ms": 200}


@dataclass(frozen=True, repr=False)
class Connection:
    """The running stack, as lessons see it.

    Attributes:
        kafka: what every Kafka client needs to find the brokers: `KafkaProducer(**ws.kafka)`.
        backend: where it runs: local, kind or existing.
    """

    settings: Settings
    kafka: dict
    backend: str
    _fresh: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"connected to Kafka on {', '.join(self.kafka['bootstrap_servers'])} (backend {self.backend})"

    @property
    def payments(self) -> str:
        """The address of the payments service; empty where there is no Kubernetes, or not yet."""
        return cluster.read_endpoints(self.settings).get("payments", "")

    @property
    def namespace(self) -> str:
        """The namespace of the services in Kubernetes."""
        return kubectl.namespace(self.settings)

    @property
    def nodes(self) -> KubernetesNodes:
        """Takes the power from worker nodes and gives it back: `ws.nodes.lose("worker-2")`, `ws.nodes.restore()`."""
        return KubernetesNodes(by_name(self.settings, self.backend))

    @property
    def brokers(self) -> Brokers:
        """Breaks and mends brokers: `ws.brokers.kill(2)`, `ws.brokers.restore()`."""
        return Brokers(by_name(self.settings, self.backend), self.kafka)

    def admin(self) -> KafkaAdminClient:
        """A new admin client; close it, or use `with contextlib.closing(...)`."""
        return kafka_requests.admin(self.kafka)

    def full_name(self, name: str) -> str:
        """A topic's or group's name as it stands on the wire, for clients that know of no prefix: Kafka's own tools, Java."""
        return name_prefix.full(name)

    def confluent(self, **options: object) -> dict:
        """The settings of confluent-kafka's clients, which need full names; options with `_` for the dots of their names."""
        dotted = {name.replace("_", "."): value for name, value in options.items()}
        return {**kafka_access.for_confluent(self.kafka), **dotted}

    def fresh_topic(self, name: str, partitions: int = 3, copies: int = 3, **configs: str) -> str:
        """Create a topic with a name that no run had before, and return that name.

        Args:
            configs: topic settings, with `_` for the dots of their names: `retention_ms="-1"`.
        """
        fresh = f"{name}-{uuid.uuid4().hex[:6]}"
        dotted = {key.replace("_", "."): value for key, value in configs.items()}
        topics.create(self.kafka, [topics.Topic(fresh, partitions, copies, {**topics.FOR_EVER, **dotted})])
        self._fresh.append(fresh)
        return fresh

    def tidy(self) -> str:
        """Delete the topics that `fresh_topic` made here, so that brokers stay small; returns a sentence about it."""
        ours = set(self._fresh)
        gone = kafka_requests.delete_topics(self.kafka, lambda name: name.removesuffix(topics.DEAD_LETTERS) in ours)
        self._fresh.clear()
        are_deleted = "topic of this lesson is deleted" if len(gone) == 1 else "topics of this lesson are deleted"
        return f"{len(gone)} {are_deleted}"


def connect() -> Connection:
    """Find the running stack.

    Raises:
        WorkshopError: it is not running, and what to run.
    """
    settings = Settings.load()
    environment.adopt(settings)
    client_repairs.apply()
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a broker that is away is told as a sentence, below
    _tell_errors_as_sentences()
    notebook_errors.install()  # also in a kernel that was started elsewhere, without Lab's own start file
    endpoints = cluster.read_endpoints(settings)
    if not endpoints or not some_broker_answers(endpoints["kafka"]):
        raise _not_running(endpoints)
    if advice := open_lessons.advice():
        print(advice)
    return Connection(settings, _clients(endpoints), endpoints["backend"])


def _clients(endpoints: dict) -> kafka_access.KafkaSettings:
    try:
        return kafka_access.client(endpoints["kafka"], **PATIENT)
    except OSError as error:
        raise WorkshopError(
            f"Your password for Kafka cannot be read: {error.strerror} ({error.filename}).",
            "Put it back, or name another file (WORKSHOP_KAFKA_PASSWORD_FILE), then `workshop up`.",
        ) from None


def _not_running(endpoints: dict) -> WorkshopError:
    if endpoints.get("backend") == "existing":
        return WorkshopError(
            f"Kafka does not answer at {', '.join(endpoints['kafka']['bootstrap_servers'])}.",
            "It is not yours: is a VPN needed? `workshop doctor` looks, and says what hinders.",
        )
    return WorkshopError(
        "The workshop's brokers do not answer: the stack is not running.",
        "In a terminal, in the workshop's folder: ./infra/bootstrap.sh (or `workshop up`). Then run this cell again.",
    )


def _tell_errors_as_sentences() -> None:
    """Give the Kafka client's errors what IPython asks for before it formats a traceback."""
    KafkaError._render_traceback_ = _sentences  # type: ignore[attr-defined]  # what IPython looks for


def _sentences(error: KafkaError) -> list[str]:
    endpoints = cluster.read_endpoints(Settings.load())
    if not endpoints or not some_broker_answers(endpoints["kafka"]):
        if endpoints.get("backend") == "existing":
            return _not_running(endpoints).lines()
        return [
            "The brokers do not answer any more: the stack was stopped, or its brokers died.",
            "→ In a terminal: `workshop up`. Then run the cells again from the top.",
        ]
    if isinstance(error, WorkshopError):
        return error.lines()
    name = type(error).__name__
    said = str(error).removeprefix(f"[Error {getattr(error, 'errno', '')}] ").removeprefix(f"{name}: ")
    lines = [f"Kafka says {name}: {said}" if said != name else f"Kafka says {name}."]
    if isinstance(error, RetriableError):
        lines.append(f"→ {ADVICE}")
    return lines
