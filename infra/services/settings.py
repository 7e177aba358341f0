"""What the environment tells a service, read once."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

FOUND_AGAIN = {"bootstrap_timeout_ms": 5_000, "reconnect_backoff_max_ms": 200}
EVERYWHERE = "0.0.0.0"  # noqa: S104 (a service in a pod is there to be reached)
WRONG = 2  # the exit code of a service that was told something it cannot use


class WrongSetting(ValueError):
    """A variable of the environment that cannot be used; the message says which, and what it should be."""


@dataclass(frozen=True)
class Settings:
    """The settings of every service; each uses those that it needs.

    Attributes:
        service: its name, the same in manifests, consumer group and logs.
        kafka_bootstrap: brokers to begin with, as host:port.
        host: the address to listen on: the pod's own where the platform tells it, because on a node whose pods share a
            network each must keep to its own; otherwise all.
        release: a word that answers carry, so that one sees which release gave them.
        card_network_calls: how many calls to the simulated card network one replica may have in flight.
        card_network_seconds: how long such a call takes.
        shutdown_seconds: within which it has left after SIGTERM.
        work_seconds: how long `debits` takes for a payment.
    """

    service: str
    kafka_bootstrap: tuple[str, ...]
    payments_topic: str
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
        """What every Kafka client needs to find the brokers, and to find them again soon after they were away."""
        return {"bootstrap_servers": list(self.kafka_bootstrap), **FOUND_AGAIN}

    def identity(self) -> dict[str, str]:
        """Who answers."""
        return {"service": self.service, "pod": self.pod, "node": self.node, "release": self.release}

    @classmethod
    def read(cls, service: str, env: Mapping[str, str]) -> Settings:
        """The settings that an environment tells.

        Raises:
            WrongSetting: a value is missing or cannot be used.
        """
        text, number = _texts(env), _numbers(env)
        hostname = socket.gethostname()
        return cls(
            service=service,
            kafka_bootstrap=_addresses(env.get("KAFKA_BOOTSTRAP", "")),
            payments_topic=text("PAYMENTS_TOPIC", "payments", TOPIC),
            debits_topic=text("DEBITS_TOPIC", "debits", TOPIC),
            balances_topic=text("BALANCES_TOPIC", "balances", TOPIC),
            reports_topic=text("REPORTS_TOPIC", "fraud-reports", TOPIC),
            alerts_topic=text("ALERTS_TOPIC", "fraud-alerts", TOPIC),
            dead_letters_topic=text("DEAD_LETTERS_TOPIC", "payments-dead-letters", TOPIC),
            group=text("GROUP", service, WORD),
            host=text("HOST", env.get("POD_IP") or EVERYWHERE, WORD),
            port=int(number("PORT", 8080, 1024, 65_535, whole=True)),
            release=text("RELEASE", "1", WORD),
            pod=text("POD_NAME", hostname, WORD),
            node=text("NODE_NAME", hostname, WORD),
            card_network_calls=int(number("CARD_NETWORK_CALLS", 10, 1, 10_000, whole=True)),
            card_network_seconds=number("CARD_NETWORK_MS", 100, 0, 60_000) / 1000,
            shutdown_seconds=number("SHUTDOWN_SECONDS", 20, 1, 3_600),
            work_seconds=number("WORK_MS", 0, 0, 5_000) / 1000,
        )


TOPIC = (re.compile(r"[A-Za-z0-9._-]{1,249}"), "a topic's name: letters, digits, '.', '_' and '-', at most 249")
WORD = (re.compile(r"[!-~]{1,253}"), "one word")


def read_or_leave(service: str) -> Settings:
    """The settings of this very process; what is wrong with them is told in a sentence, and ends it."""
    try:
        return Settings.read(service, os.environ)
    except WrongSetting as error:
        leave(f"{service} cannot start: {error}")


def leave(sentence: str) -> NoReturn:
    """End the process, as it cannot do its work with what it was told."""
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(WRONG)


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found or not all(re.fullmatch(r"[!-~]+:[0-9]{1,5}", part) for part in found):
        said = f"is '{text}'" if text else "is not set"
        raise WrongSetting(f"KAFKA_BOOTSTRAP {said}; it should name brokers, such as kafka-1:9092,kafka-2:9092.")
    return found


def _texts(env: Mapping[str, str]) -> Callable[[str, str, tuple], str]:
    def text(name: str, default: str, form: tuple) -> str:
        pattern, meant = form
        found = env.get(name) or default  # a variable that is set to nothing counts as not set
        if not pattern.fullmatch(found):
            raise WrongSetting(f"{name} is '{found}'; it should be {meant}.")
        return found

    return text


def _numbers(env: Mapping[str, str]) -> Callable[..., float]:
    def number(name: str, default: float, least: float, most: float, *, whole: bool = False) -> float:
        found = env.get(name) or str(default)
        try:
            value = float(int(found) if whole else found)
        except (ValueError, OverflowError):
            value = float("nan")
        if not least <= value <= most:
            raise WrongSetting(f"{name} is '{found}'; it should be a {'whole ' * whole}number from {least} to {most}.")
        return value

    return number
