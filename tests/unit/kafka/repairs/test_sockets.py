"""The repair of sockets that a closed client would leave open; `test_client_sockets.py` shows it in the whole client."""

from __future__ import annotations

import asyncio
import socket

import pytest
from kafka.net.inet import KafkaNetSocket
from kafka.net.transport import KafkaTCPTransport
from workshop.kafka.repairs import sockets


def test_the_repair_can_be_installed_twice():
    sockets.apply()
    sockets.apply()
    assert KafkaNetSocket.sock_connect is sockets._connected_or_closed
    assert KafkaTCPTransport._write_to_sock is sockets._written_or_closed
    assert sockets._sock_connect is not KafkaNetSocket.sock_connect


@pytest.mark.parametrize("error", [OSError("refused"), asyncio.CancelledError()])
def test_the_socket_of_a_failed_attempt_is_closed(error: BaseException, monkeypatch: pytest.MonkeyPatch):
    async def fail(*about: object) -> None:
        raise error

    monkeypatch.setattr(sockets, "_sock_connect", fail)
    with socket.socket() as sock:
        with pytest.raises(type(error)):
            asyncio.run(sockets._connected_or_closed(KafkaNetSocket(), None, sock, ("127.0.0.1", 9)))
        assert sock.fileno() == -1


def test_the_socket_of_a_connection_stays_open(monkeypatch: pytest.MonkeyPatch):
    async def connect(*about: object) -> str:
        return "connected"

    monkeypatch.setattr(sockets, "_sock_connect", connect)
    with socket.socket() as sock:
        assert asyncio.run(sockets._connected_or_closed(KafkaNetSocket(), None, sock)) == "connected"
        assert sock.fileno() != -1
