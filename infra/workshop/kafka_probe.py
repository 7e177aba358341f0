"""Asks brokers the questions that waiting needs: by the protocol, never by a pid or a line of a log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

QUICK = {"bootstrap_timeout_ms": 2_000, "request_timeout_ms": 3_000, "reconnect_backoff_max_ms": 200}


def registered_brokers(bootstrap: Sequence[str]) -> set[int]:
    """The ids of the brokers that the cluster counts as there (not fenced); empty if none of the addresses answers.

    A frozen broker accepts a connection and says nothing: if all addresses together give no answer, each is asked alone.
    """
    for addresses in [list(bootstrap), *([[one] for one in bootstrap] if len(bootstrap) > 1 else [])]:
        if found := _ask(addresses):
            return found
    return set()


def _ask(addresses: list[str]) -> set[int]:
    try:
        with closing(KafkaAdminClient(bootstrap_servers=addresses, **QUICK)) as admin:
            brokers = admin.describe_cluster()["brokers"]
            return {broker["broker_id"] for broker in brokers if not broker.get("is_fenced")}
    except (KafkaError, OSError):
        return set()
