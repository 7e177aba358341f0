"""Repair for kafka-python: a closed client closes its sockets and sends what is in its write buffers."""

from __future__ import annotations

import socket
from typing import Any

from kafka.net.inet import KafkaNetSocket
from kafka.net.transport import KafkaTCPTransport

_sock_connect = KafkaNetSocket.sock_connect
_write_to_sock = KafkaTCPTransport._write_to_sock


def apply() -> None:
    """Install the repair in this process. Calling it again has no effect."""
    KafkaNetSocket.sock_connect = _connected_or_closed  # type: ignore[assignment]  # it passes all arguments on
    KafkaTCPTransport._write_to_sock = _written_or_closed


async def _connected_or_closed(
    made: KafkaNetSocket, net: object, sock: socket.socket, *address: object, **options: object
) -> Any:
    """Close the socket of a failed or cancelled connection attempt; kafka-python 3.0.12 leaves it open."""
    try:
        return await _sock_connect(made, net, sock, *address, **options)
    except BaseException:
        sock.close()
        raise


async def _written_or_closed(transport: KafkaTCPTransport) -> None:
    """Send the write buffer and close the socket when the sending task is cancelled.

    kafka-python 3.0.12 defers closing to this task and then cancels it. The socket stays open, and the last records of a
    producer with `acks=0` are never sent.
    """
    try:
        await _write_to_sock(transport)
    except GeneratorExit:
        if transport._sock is not None:
            transport._sock_send()
            transport._write_task = None  # it is this task: closing must not cancel it once more
            transport._close()
        raise
