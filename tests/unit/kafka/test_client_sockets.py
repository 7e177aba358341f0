"""What the mended kafka-python does with a socket that does not become a connection."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaTCPTransport
from workshop.kafka.repairs import client


class Net:
    """An event loop of the client's on which nothing ever becomes writable."""

    async def wait_write(self, sock: socket.socket, timeout_at: float | None = None) -> None:
        await asyncio.get_running_loop().create_future()


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> KafkaNetSocket:
    client.apply()
    made = KafkaNetSocket()
    monkeypatch.setattr(made, "connect_ex", lambda sock, address: errno.EINPROGRESS)
    return made


def test_a_client_that_is_closed_while_it_connects_keeps_no_socket(connecting: KafkaNetSocket) -> None:
    async def scenario(sock: socket.socket) -> None:
        task = asyncio.create_task(connecting.sock_connect(Net(), sock, ("127.0.0.1", 9)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with socket.socket() as sock:
        asyncio.run(scenario(sock))
        assert sock.fileno() == -1


def test_nor_does_one_that_is_refused(connecting: KafkaNetSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "connect_ex", lambda sock, address: errno.ECONNREFUSED)
    with socket.socket() as sock:
        with pytest.raises(KafkaConnectionError, match="ECONNREFUSED"):
            asyncio.run(connecting.sock_connect(Net(), sock, ("127.0.0.1", 9)))
        assert sock.fileno() == -1


def test_a_client_that_is_closed_while_a_request_waits_sends_it_and_keeps_no_socket() -> None:
    client.apply()
    net = NetworkSelector()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        transport = KafkaTCPTransport(net, ours)
        transport.write(b"the last request")
        transport.close()
        net.close()
        assert ours.fileno() == -1
        assert theirs.recv(100) == b"the last request"
        assert theirs.recv(100) == b""
