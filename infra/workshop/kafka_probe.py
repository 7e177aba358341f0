"""Asks brokers the questions that waiting needs: by the protocol, never by a pid or a line of a log."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

ANSWER_SECONDS = 2.0
QUICK = {"bootstrap_timeout_ms": 2_000, "request_timeout_ms": 3_000, "reconnect_backoff_max_ms": 200}


def registered_brokers(bootstrap: Sequence[str]) -> set[int]:
    """The ids of the brokers that the cluster counts as there (not fenced); empty if none of the addresses answers."""
    return {broker["broker_id"] for broker in _described(bootstrap) if not broker.get("is_fenced")}


def some_broker_answers(bootstrap: Sequence[str]) -> bool:
    """Whether there is anybody to talk to: each address is asked by itself, until one answers.

    A client would ask whichever broker the first one names, and that may be a frozen one.
    """
    return any(_answers(address) for address in bootstrap)


def _answers(address: str) -> bool:
    """Whether a broker answers "which requests do you know?" (ApiVersions, version 0), in its own protocol, in time."""
    host, port = address.rsplit(":", 1)
    body = struct.pack(">hhih", 18, 0, 1, -1)  # the request's key and version, a number to know the answer by, no name
    try:
        with socket.create_connection((host, int(port)), ANSWER_SECONDS) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.sendall(struct.pack(">i", len(body)) + body)
            return len(connection.recv(4)) > 0
    except OSError:
        return False


def _described(bootstrap: Sequence[str]) -> list[dict]:
    """What the brokers say of each other; nothing if none of the addresses answers.

    A frozen broker accepts a connection and says nothing: if all addresses together give no answer, each is asked alone.
    """
    for addresses in [list(bootstrap), *([[one] for one in bootstrap] if len(bootstrap) > 1 else [])]:
        if found := _ask(addresses):
            return found
    return []


def _ask(addresses: list[str]) -> list[dict]:
    try:
        with closing(KafkaAdminClient(bootstrap_servers=addresses, **QUICK)) as admin:
            return admin.describe_cluster()["brokers"]
    except (KafkaError, OSError):
        return []
