"""Settings of a service, read once from environment variables."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from workshop.base.variables import Form, InvalidVariable, Variables
from workshop.kafka import access as kafka_access

FOUND_AGAIN = {"bootstrap_timeout_ms": 5_000, "reconnect_backoff_max_ms": 200}
EVERYWHERE = "0.0.0.0"  # noqa: S104 (a service in a pod must be reachable from other pods)
WRONG = 2  # the exit code for an invalid setting


@dataclass(frozen=True)
class Settings:
    """Settings of all services; each service uses those that it needs.

    Attributes:
        service: its name, the same in manifests, consumer group and logs.
        kafka_bootstrap: brokers for the first connection, as host:port.
        kafka_security: the security protocol, such as SASL_SSL.
        kafka_mechanism, kafka_user: the SASL mechanism and the user name; used with SASL only.
        kafka_password_file: the file with the password; used with SASL only.
        kafka_ca_file: the certificate of the authority that signed the brokers' certificates; if it is missing, the system's
            authorities count.
        kafka_prefix: prefix of topics, groups and transactional ids in Kafka.
        public_host: the host name of the service outside the cluster, allowed besides addresses; empty if there is none.
        changes_topic: the changes of the bank's table `cards`, as Debezium writes them.
        port: the port to listen on; 0 for any free one.
        host: the address to listen on: the pod's own if the platform provides it, because pods of a node can share a network;
            otherwise all addresses.
        release: a word in all answers that identifies the release of the replica.
        card_network_calls: the number of calls to the simulated card network that one replica may have in flight.
        card_network_seconds: the duration of such a call.
        shutdown_seconds: the time limit of a shutdown after SIGTERM.
        work_seconds: the time that `debits` takes for a payment.
    """

    service: str
    kafka_bootstrap: tuple[str, ...]
    kafka_security: str
    kafka_mechanism: str
    kafka_user: str
    kafka_password_file: Path
    kafka_ca_file: Path
    kafka_prefix: str
    public_host: str
    payments_topic: str
    changes_topic: str
    debits_topic: str
    balances_topic: str
    reports_topic: str
    alerts_topic: str
    dead_letters_topic: str
    group: str
    host: str
    port: int
    release: str
    pod: str
    node: str
    card_network_calls: int
    card_network_seconds: float
    shutdown_seconds: float
    work_seconds: float

    @property
    def kafka(self) -> dict:
        """Settings for every Kafka client, with short retries so that it reconnects soon after an outage."""
        told: dict[str, object] = {"bootstrap_servers": list(self.kafka_bootstrap), "prefix": self.kafka_prefix}
        if self.kafka_security != "PLAINTEXT":
            told["security_protocol"] = self.kafka_security
        if self.kafka_security.endswith("SSL") and self.kafka_ca_file.exists():
            told["ssl_cafile"] = str(self.kafka_ca_file)
        if self.kafka_security.startswith("SASL"):
            told |= {"sasl_mechanism": self.kafka_mechanism, "sasl_plain_username": self.kafka_user}
            told["password_file"] = self.kafka_password_file
        return kafka_access.client(told, **FOUND_AGAIN)

    def identity(self) -> dict[str, str]:
        """Return service, pod, node and release, for answers."""
        return {"service": self.service, "pod": self.pod, "node": self.node, "release": self.release}

    @classmethod
    def read(cls, service: str, env: Mapping[str, str]) -> Settings:
        """Return the settings in an environment.

        Raises:
            InvalidVariable: a value is missing or invalid.
        """
        variables, hostname = Variables(env), socket.gethostname()
        text, number = variables.text, variables.number
        access = text("KAFKA_ACCESS", "/etc/kafka-access", PATH)
        settings = cls(
            service=service,
            kafka_bootstrap=_brokers(variables),
            kafka_security=text("KAFKA_SECURITY", "PLAINTEXT", SECURITY),
            kafka_mechanism=text("KAFKA_MECHANISM", "SCRAM-SHA-512", MECHANISM),
            kafka_user=text("KAFKA_USER", service, WORD),
            kafka_password_file=Path(text("KAFKA_PASSWORD_FILE", f"{access}/password", PATH)),
            kafka_ca_file=Path(text("KAFKA_CA_FILE", f"{access}/ca.pem", PATH)),
            kafka_prefix=text("KAFKA_PREFIX", "", PREFIX),
            public_host=text("PUBLIC_HOST", "", HOST),
            payments_topic=text("PAYMENTS_TOPIC", "payments", TOPIC),
            changes_topic=text("CHANGES_TOPIC", "bank.cards", TOPIC),
            debits_topic=text("DEBITS_TOPIC", "debits", TOPIC),
            balances_topic=text("BALANCES_TOPIC", "balances", TOPIC),
            reports_topic=text("REPORTS_TOPIC", "fraud-reports", TOPIC),
            alerts_topic=text("ALERTS_TOPIC", "fraud-alerts", TOPIC),
            dead_letters_topic=text("DEAD_LETTERS_TOPIC", "payments-dead-letters", TOPIC),
            group=text("GROUP", service, WORD),
            host=text("HOST", text("POD_IP", EVERYWHERE, WORD), WORD),
            port=0 if variables.given("PORT") == "0" else variables.whole("PORT", 8080, 1024, 65_535),
            release=text("RELEASE", "1", WORD),
            pod=text("POD_NAME", hostname, WORD),
            node=text("NODE_NAME", hostname, WORD),
            card_network_calls=variables.whole("CARD_NETWORK_CALLS", 10, 1, 10_000),
            card_network_seconds=variables.milliseconds("CARD_NETWORK_MS", 100, 0, 60_000),
            shutdown_seconds=number("SHUTDOWN_SECONDS", 20, 1, 3_600),
            work_seconds=variables.milliseconds("WORK_MS", 0, 0, 5_000),
        )
        if settings.kafka_security.startswith("SASL") and not settings.kafka_password_file.is_file():
            where = settings.kafka_password_file
            raise InvalidVariable(
                f"KAFKA_SECURITY is '{settings.kafka_security}', and there is no file {where}.",
                "Mount the password there.",
            )
        return settings


TOPIC = Form(re.compile(r"[A-Za-z0-9._-]{1,249}"), "a topic's name: letters, digits, '.', '_' and '-', at most 249")
SECURITY = Form(re.compile(r"(SASL_)?(PLAINTEXT|SSL)"), "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
MECHANISM = Form(re.compile(r"SCRAM-SHA-(256|512)|PLAIN"), "SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN")
PREFIX = Form(
    re.compile(r"[a-z0-9][a-z0-9.-]{0,39}[.-]"),
    "small letters, digits and dashes, with '-' or '.' at its end",
)
PATH = Form(re.compile(r"/[^\0]*"), "a path from the root")
HOST = Form(re.compile(r"[A-Za-z0-9.:\[\]-]{1,253}"), "a name, and perhaps a port")
WORD = Form(re.compile(r"[!-~]{1,253}"), "one word")
BROKER = re.compile(r"([!-~]+):([0-9]{1,5})")


def read_or_leave(service: str) -> Settings:
    """Return the settings of this process; exit with a message if one is invalid."""
    try:
        return Settings.read(service, os.environ)
    except InvalidVariable as error:
        leave(f"{service} cannot start: {error}")


def leave(sentence: str) -> NoReturn:
    """Exit with a message and the exit code for invalid settings."""
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(WRONG)


def _brokers(variables: Variables) -> tuple[str, ...]:
    example = "kafka-1:9092,kafka-2:9092"
    if found := variables.addresses("KAFKA_BOOTSTRAP", BROKER, example):
        return found
    raise InvalidVariable("KAFKA_BOOTSTRAP is not set.", f"It takes addresses such as {example}, with commas.")
