"""Repair for kafka-python: a client that is used after it was closed raises a clear error.

kafka-python 3.0.12 raises an internal error in this case, with forty lines of traceback.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import NoReturn

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from workshop.kafka.failures import ClosedClient

# The methods that send requests. The rest of a closed client, such as its configuration and its metrics, stays accessible.
PRODUCER = (
    "abort_transaction",
    "begin_transaction",
    "commit_transaction",
    "init_transactions",
    "partitions_for",
    "send",
    "send_offsets_to_transaction",
)
CONSUMER = (
    "beginning_offsets",
    "bootstrap",
    "commit",
    "commit_async",
    "committed",
    "end_offsets",
    "offsets_for_times",
    "partitions_for_topic",
    "poll",
    "position",
    "topics",
)
ADMIN = tuple(
    name
    for name in dir(KafkaAdminClient)
    if not name.startswith("_") and name != "close" and callable(getattr(KafkaAdminClient, name))
)
_closes = {kind: kind.close for kind in (KafkaProducer, KafkaConsumer, KafkaAdminClient)}


def apply() -> None:
    """Install the repair of the three clients in this process. Calling it again has no effect."""
    for kind, client, names in (
        (KafkaProducer, "producer", PRODUCER),
        (KafkaConsumer, "consumer", CONSUMER),
        (KafkaAdminClient, "admin client", ADMIN),
    ):
        kind.close = _close_and_refuse(_closes[kind], client, names)


def _close_and_refuse(close: Callable, client: str, names: Iterable[str]) -> Callable:
    """Return a `close` that replaces the client's methods by ones that raise an error.

    Until it is called, the methods are unchanged, so that no check slows down sending.
    """

    @functools.wraps(close)
    def closed(self: object, *args: object, **options: object) -> None:
        try:
            close(self, *args, **options)
        finally:
            self.__dict__.update(dict.fromkeys(names, functools.partial(_refuse, client)))

    return closed


def _refuse(client: str, *args: object, **options: object) -> NoReturn:
    raise ClosedClient(client)
