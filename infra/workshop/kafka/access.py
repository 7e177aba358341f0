"""How clients reach a Kafka that asks who they are: one description, told to kafka-python, confluent-kafka and Java's tools.

The description stands in `endpoints.json`; of the password it has the file's path only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workshop.base import endpoints as endpoints_file
from workshop.base.settings import Settings
from workshop.kafka import name_prefix
from workshop.kafka.repairs import client as client_repairs

PASSWORD_FILE, PREFIX, COPIES = "password_file", "prefix", "copies"
USUAL_COPIES = 3


class KafkaSettings(dict):
    """What kafka-python's clients are given; it does not show the password.

    Attributes:
        copies: how many copies of a partition this Kafka can have.
    """

    copies = USUAL_COPIES

    def __repr__(self) -> str:
        return repr({key: "…" if "password" in key else value for key, value in self.items()})

    __str__ = __repr__


def prepare(described: Mapping) -> None:
    """Install in this process what all its Kafka clients need: the repairs of kafka-python and the participant's prefix.

    Every program calls it once, before its first client. Calling it again is harmless.
    """
    client_repairs.apply()
    name_prefix.use(described.get(PREFIX, ""))


def client(described: Mapping, **more: object) -> KafkaSettings:
    """Return the settings of kafka-python's clients, from `endpoints.json`.

    Raises:
        OSError: the password's file cannot be read.
    """
    beside = (PASSWORD_FILE, PREFIX, COPIES)
    found = KafkaSettings({key: value for key, value in described.items() if key not in beside} | more)
    found.copies = described.get(COPIES, USUAL_COPIES)
    if described.get(PASSWORD_FILE):
        found["sasl_plain_password"] = read_password(Path(described[PASSWORD_FILE]))
    return found


def read_password(file: Path) -> str:
    """The password; the line's end, which editors add, is not part of it."""
    return file.read_text(encoding="utf-8").rstrip("\r\n")


def for_confluent(kafka: Mapping) -> dict[str, object]:
    """The same for confluent-kafka's clients."""
    found: dict[str, object] = {"bootstrap.servers": ",".join(kafka["bootstrap_servers"])}
    names = {
        "security_protocol": "security.protocol",
        "sasl_mechanism": "sasl.mechanism",
        "sasl_plain_username": "sasl.username",
        "sasl_plain_password": "sasl.password",
        "ssl_cafile": "ssl.ca.location",
    }
    return found | {theirs: kafka[ours] for ours, theirs in names.items() if kafka.get(ours)}


def for_java(kafka: Mapping) -> str:
    """The same for Kafka's own tools, as a properties file; empty where brokers ask nothing."""
    from workshop.kafka.properties import escaped

    lines = {"security.protocol": kafka.get("security_protocol", "PLAINTEXT")}
    if mechanism := kafka.get("sasl_mechanism"):
        module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
        user, password = (quoted(kafka[f"sasl_plain_{one}"]) for one in ("username", "password"))
        lines["sasl.mechanism"] = mechanism
        lines["sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.{module} required username={user} password={password};"
        )
    if kafka.get("ssl_cafile"):
        lines |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": kafka["ssl_cafile"]}
    if lines == {"security.protocol": "PLAINTEXT"}:
        return ""
    return "".join(f"{key}={escaped(value)}\n" for key, value in lines.items())


def for_services(described: Mapping) -> dict[str, str]:
    """Return the variables that tell a service how it reaches Kafka; see `services.runtime.settings`."""
    names = {
        "security_protocol": "KAFKA_SECURITY",
        "sasl_mechanism": "KAFKA_MECHANISM",
        "sasl_plain_username": "KAFKA_USER",
        "ssl_cafile": "KAFKA_CA_FILE",
        PASSWORD_FILE: "KAFKA_PASSWORD_FILE",
        PREFIX: "KAFKA_PREFIX",
    }
    found = {"KAFKA_BOOTSTRAP": ",".join(described["bootstrap_servers"])}
    return found | {theirs: str(described[ours]) for ours, theirs in names.items() if described.get(ours)}


def prepare_program(addresses: str) -> KafkaSettings:
    """Prepare a program that a lesson starts, and return its settings: what addresses do not say is in the stack's files.

    Args:
        addresses: host:port, with commas between.
    """
    servers, described = addresses.split(","), endpoints_file.read(Settings.load()).get("kafka", {})
    if described.get("bootstrap_servers") != servers:
        described = {"bootstrap_servers": servers}
    prepare(described)
    return client(described, reconnect_backoff_max_ms=200)


def quoted(text: str) -> str:
    """A value as Java's login modules read it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
