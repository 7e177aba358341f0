"""The connection of a notebook to the running stack: addresses, client settings, error messages."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from kafka.errors import KafkaError, RetriableError

from workshop.base import endpoints as endpoints_file
from workshop.base import environment
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.kafka import access
from workshop.kafka.failures import ADVICE, missing_topic, open_transaction
from workshop.kafka.handle import Kafka
from workshop.kafka.probe import some_broker_answers
from workshop.notebook import live, notebook_errors, open_lessons
from workshop.stack.backends.choice import by_name
from workshop.stack.faults import Brokers, KubernetesNodes
from workshop.stack.kubernetes import kubectl

# The longest pause before a client reconnects to a restarting broker; by default, pauses grow to 30 seconds.
PATIENT = {"reconnect_backoff_max_ms": 200}


@dataclass(frozen=True, repr=False)
class Connection(Kafka):
    """The running stack, as lessons use it.

    Attributes:
        kafka: settings with which every Kafka client finds the brokers: `KafkaProducer(**ws.kafka)`.
        settings: the settings of the stack.
        backend: where it runs: local, kind or existing.
    """

    settings: Settings
    backend: str

    def __repr__(self) -> str:
        return f"connected to Kafka on {', '.join(self.kafka['bootstrap_servers'])} (backend {self.backend})"

    @property
    def payments(self) -> str:
        """The address of the payments service; empty if Kubernetes is missing or not ready yet."""
        return endpoints_file.read(self.settings).get("payments", "")

    @property
    def namespace(self) -> str:
        """The namespace of the services in Kubernetes."""
        return kubectl.namespace(self.settings)

    @property
    def nodes(self) -> KubernetesNodes:
        """Faults of worker nodes: `ws.nodes.lose("worker-2")`, `ws.nodes.restore()`."""
        return KubernetesNodes(by_name(self.settings, self.backend))

    @property
    def brokers(self) -> Brokers:
        """Faults of brokers: `ws.brokers.kill(2)`, `ws.brokers.restore()`."""
        return Brokers(by_name(self.settings, self.backend), self.kafka, live.steps)

    def addresses(self) -> list[str]:
        """Return the addresses of the running brokers, each `host:port`."""
        return self.brokers.addresses()


def connect() -> Connection:
    """Connect to the running stack.

    Raises:
        WorkshopError: the stack is not running; the message contains the command that starts it.
    """
    settings = Settings.load()
    environment.adopt(settings)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # unavailable brokers are reported by the messages below
    _tell_errors_as_sentences()
    notebook_errors.install()  # also in a kernel without the start file of this workshop's JupyterLab
    endpoints = endpoints_file.read(settings)
    access.prepare(endpoints.get("kafka", {}))
    if not endpoints or not some_broker_answers(endpoints["kafka"], rounds=2):
        raise _not_running(endpoints)
    if advice := open_lessons.advice():
        print(advice)
    return Connection(_clients(endpoints), settings, endpoints["backend"])


def _clients(endpoints: dict) -> access.KafkaSettings:
    try:
        return access.client(endpoints["kafka"], **PATIENT)
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
    """Make IPython show the Kafka client's errors as messages instead of tracebacks."""
    KafkaError._render_traceback_ = _sentences  # type: ignore[attr-defined]  # the hook of IPython


def _sentences(error: KafkaError) -> list[str]:
    endpoints = endpoints_file.read(Settings.load())
    if not endpoints or not some_broker_answers(endpoints["kafka"]):
        if endpoints.get("backend") == "existing":
            return _not_running(endpoints).lines()
        return [
            "The brokers do not answer any more: the stack was stopped, or its brokers died.",
            "→ In a terminal: `workshop up`. Then run the cells again from the top.",
        ]
    if isinstance(error, WorkshopError):
        return error.lines()
    if known := missing_topic(error) or open_transaction(error):
        return known.lines()
    name = type(error).__name__
    said = str(error).removeprefix(f"[Error {getattr(error, 'errno', '')}] ").removeprefix(f"{name}: ")
    lines = [f"Kafka says {name}: {said}" if said != name else f"Kafka says {name}."]
    if isinstance(error, RetriableError):
        lines.append(f"→ {ADVICE}")
    return lines
