"""Asks brokers the questions that waiting needs: by the protocol, never by a pid or a line of a log."""

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
    """The ids of the brokers that the cluster counts as there (not fenced); empty if none of the addresses answers."""
    return {broker["broker_id"] for broker in described_brokers(kafka) if not broker.get("is_fenced")}


def brokers_missing(nodes: Sequence[int], what: str) -> str:
    """Return in words that these brokers of the three are not `what` yet: registered, listening."""
    named = f"broker {nodes[0]}" if len(nodes) == 1 else f"brokers {', '.join(map(str, nodes))}"
    return f"{named} to be {what} ({len(NODES) - len(nodes)} of {len(NODES)})"


def some_broker_answers(kafka: Mapping) -> bool:
    """Whether there is anybody to talk to: each address is asked by itself, until one answers.

    A client would ask whichever broker the first one names, and that may be a frozen one.
    """
    return any(answers(address, kafka) for address in kafka["bootstrap_servers"])


def answers(address: str, kafka: Mapping) -> bool:
    """Whether a broker answers "which requests do you know?" (ApiVersions, version 0), in its own protocol, in time.

    It does so before it asks for a password.
    """
    try:
        with connection(address, kafka) as opened:
            return answers_on(opened)
    except OSError:
        return False


def connection(address: str, kafka: Mapping, seconds: float = ANSWER_SECONDS) -> socket.socket:
    """A connection to a broker, over TLS where these settings say so.

    Raises:
        OSError: there is none, and why: `socket.gaierror`, `ssl.SSLError` and others.
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
    """The question itself, on a connection; what answers in another protocol, such as TLS, is no broker."""
    number = 1  # to know the answer by
    body = struct.pack(">hhih", 18, 0, number, -1)  # the request's key and version, its number, no name
    opened.settimeout(ANSWER_SECONDS)
    opened.sendall(struct.pack(">i", len(body)) + body)
    answer = b""
    while len(answer) < 8:
        if not (more := opened.recv(8 - len(answer))):
            return False
        answer += more
    return struct.unpack(">i", answer[4:])[0] == number


def described_brokers(kafka: Mapping) -> list[dict]:
    """What the brokers say of each other; nothing if none of the addresses answers.

    A frozen broker accepts a connection and says nothing: if all addresses together give no answer, each is asked alone.
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
