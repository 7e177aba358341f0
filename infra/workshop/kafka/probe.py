"""Probes of brokers for waits: over Kafka's protocol, never by a pid or a line of a log."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from workshop.base.settings import NODES

ANSWER_SECONDS = 2.0
QUICK = {"bootstrap_timeout_ms": 2_000, "request_timeout_ms": 3_000, "reconnect_backoff_max_ms": 200}


def registered_brokers(kafka: Mapping) -> set[int]:
    """Return the ids of registered brokers that are not fenced; empty if no address answers."""
    return {broker["broker_id"] for broker in described_brokers(kafka) if not broker.get("is_fenced")}


def brokers_missing(nodes: Sequence[int], what: str) -> str:
    """Return a text for a wait until these of the three brokers are `what`: registered, listening."""
    named = f"broker {nodes[0]}" if len(nodes) == 1 else f"brokers {', '.join(map(str, nodes))}"
    return f"{named} to be {what} ({len(NODES) - len(nodes)} of {len(NODES)})"


def some_broker_answers(kafka: Mapping, rounds: int = 1) -> bool:
    """Return whether any broker answers; each address is tried separately, until one answers.

    A client would use a broker from the first answer, which may be a frozen one.

    Args:
        rounds: how often an address without an answer is tried: on a busy machine, a broker may need longer than one attempt
            lasts. An address that refuses is not tried again.
    """
    left = list(kafka["bootstrap_servers"])
    for _ in range(rounds):
        silent = []
        for address in left:
            if answer := answers(address, kafka):
                return True
            if answer is None:
                silent.append(address)
        left = silent
    return False


def answers(address: str, kafka: Mapping) -> bool | None:
    """Return whether a broker answers the request ApiVersions (version 0), or None if nothing does in time.

    Brokers answer it before authentication.
    """
    try:
        with connection(address, kafka) as opened:
            return answers_on(opened)
    except TimeoutError:
        return None
    except OSError:
        return False


def connection(address: str, kafka: Mapping, seconds: float = ANSWER_SECONDS) -> socket.socket:
    """Return a connection to a broker, over TLS if the settings require it.

    Raises:
        OSError: the connection failed; the type has the reason: `socket.gaierror`, `ssl.SSLError` and others.
    """
    host, port = address.rsplit(":", 1)
    host = host.strip("[]")
    opened = socket.create_connection((host, int(port)), seconds)
    if not kafka.get("security_protocol", "").endswith("SSL"):
        return opened
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl_cafile"))
        return context.wrap_socket(opened, server_hostname=host)
    except BaseException:
        opened.close()
        raise


def answers_on(opened: socket.socket) -> bool:
    """Send ApiVersions on a connection, and return whether the answer is a broker's.

    A server of another protocol, such as TLS, is not a broker.
    """
    number = 1  # the correlation id, which the answer repeats
    body = struct.pack(">hhih", 18, 0, number, -1)  # API key and version, correlation id, no client id
    opened.settimeout(ANSWER_SECONDS)
    opened.sendall(struct.pack(">i", len(body)) + body)
    answer = b""
    while len(answer) < 8:
        if not (more := opened.recv(8 - len(answer))):
            return False
        answer += more
    return struct.unpack(">i", answer[4:])[0] == number


def described_brokers(kafka: Mapping) -> list[dict]:
    """Return the cluster's description of its brokers; empty if no address answers.

    A frozen broker accepts a connection but does not answer. If all addresses together give no answer, each is tried alone.
    """
    bootstrap = list(kafka["bootstrap_servers"])
    for addresses in [bootstrap, *([[one] for one in bootstrap] if len(bootstrap) > 1 else [])]:
        if found := _ask(addresses, kafka):
            return found
    return []


def _ask(addresses: list[str], kafka: Mapping) -> list[dict]:
    try:
        with closing(KafkaAdminClient(**{**kafka, **QUICK, "bootstrap_servers": addresses})) as admin:
            return admin.describe_cluster()["brokers"]
    except (KafkaError, OSError):
        return []
