"""Kafka client settings with authentication, for kafka-python, confluent-kafka and Java's tools.

They come from `endpoints.json`, which contains the path of the password's file, not the password.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workshop.base import endpoints as endpoints_file
from workshop.base.settings import Settings
from workshop.kafka import name_prefix
from workshop.kafka.properties import escaped
from workshop.kafka.repairs import client as client_repairs

PASSWORD_FILE, PREFIX, COPIES = "password_file", "prefix", "copies"
USUAL_COPIES = 3


class KafkaSettings(dict):
    """The settings of kafka-python's clients; their text hides the password.

    Attributes:
        copies: the largest number of replicas of a partition in this Kafka.
    """

    copies = USUAL_COPIES

    def __repr__(self) -> str:
        return repr({key: "…" if "password" in key else value for key, value in self.items()})

    __str__ = __repr__


def prepare(described: Mapping) -> None:
    """Install the repairs of kafka-python and the participant's prefix in this process.

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
    """Return the password in a file, without the line break that editors add."""
    return file.read_text(encoding="utf-8").rstrip("\r\n")


def for_confluent(kafka: Mapping) -> dict[str, object]:
    """Return the same settings for confluent-kafka's clients."""
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
    """Return the same settings for Kafka's own tools, as a properties file; empty without security."""
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
    """Return the environment variables of a service's Kafka settings; see `services.runtime.settings`."""
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
    """Prepare a program that a lesson starts, and return its Kafka settings.

    Security settings and the prefix come from `endpoints.json` if it has the same addresses.

    Args:
        addresses: host:port, separated by commas.
    """
    servers, described = addresses.split(","), endpoints_file.read(Settings.load()).get("kafka", {})
    if described.get("bootstrap_servers") != servers:
        described = {"bootstrap_servers": servers}
    prepare(described)
    return client(described, reconnect_backoff_max_ms=200)


def quoted(text: str) -> str:
    """Return a value in quotes, as Java's login modules read it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
