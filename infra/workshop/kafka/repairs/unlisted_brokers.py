"""Repair for kafka-python: a leader that is missing from the list of brokers is a retriable condition.

A broker builds a metadata answer in two steps: the leaders first, then the brokers that are alive. If a leader dies between
the two steps, the answer names a leader that its list of brokers does not contain. kafka-python 3.0.12 raises
`UnknownBrokerIdError` in that case. In a producer, the error ends every pass of the sender thread before it polls the
network, so newer metadata never arrive and no record is ever sent or expired (a test on real brokers fails without the
repair). In a consumer, a fetch from that leader raises it; there the end of the connection requests newer metadata.
"""

from __future__ import annotations

from typing import Any

from kafka.errors import NodeNotReadyError, UnknownBrokerIdError
from kafka.net.manager import KafkaConnectionManager
from kafka.producer.sender import Sender

_get_connection = KafkaConnectionManager.get_connection
_run_once = Sender.run_once


class BrokerNotListed(NodeNotReadyError, UnknownBrokerIdError):
    """The broker is missing from the client's metadata; newer metadata may contain it or name another leader."""


def apply() -> None:
    """Install the repair of producers; `repairs.lookups` installs `get_connection_or_refresh` with a repair of its own."""
    Sender.run_once = _run_once_then_poll


def get_connection_or_refresh(manager: KafkaConnectionManager, node_id: Any, **options: Any) -> Any:
    """Request newer metadata and raise a retriable error, which every caller handles already.

    Raises:
        BrokerNotListed: the broker is missing from the metadata.
    """
    try:
        return _get_connection(manager, node_id, **options)
    except UnknownBrokerIdError as error:
        manager.cluster.request_update()
        raise BrokerNotListed(*error.args) from error


def _run_once_then_poll(sender: Sender) -> None:
    """Poll the network after a failed pass too: the answer that ends the failure may be waiting there."""
    try:
        _run_once(sender)
    except Exception:
        sender._client.poll(timeout_ms=sender.config["retry_backoff_ms"])
        raise
