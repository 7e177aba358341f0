"""Proxy between the API server and pods or Services, on a socket that only this user can open.

The API server connects to a pod or a Service at its address in the API (10.244.…, 10.96.…), for `kubectl get --raw
/api/v1/namespaces/…/pods/NAME:PORT/proxy/` and `kubectl proxy`. An egress selector (`--egress-selector-config-file`) makes it
use this proxy instead, by HTTP CONNECT; the proxy connects to the loopback address at which the process listens.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from pathlib import Path

from node_agent.proxy.tcp_relay import CONNECT_SECONDS, End

log = logging.getLogger(__name__)

# A name in the working directory of both agent and control plane, because the path of a socket is limited to 107 bytes.
SOCKET = "egress.sock"
LONGEST_HEAD = 8192  # bytes
END_OF_HEAD = b"\r\n\r\n"


async def serve(folder: Path, to_loopback: Callable[[str], str]) -> asyncio.Server:
    """Listen on the socket.

    Args:
        folder: the working directory of this process.
        to_loopback: returns the loopback address for an address of the cluster.
    """
    (folder / SOCKET).unlink(missing_ok=True)  # left by an agent that was killed
    server = await asyncio.get_running_loop().create_unix_server(lambda: Client(to_loopback), SOCKET)
    (folder / SOCKET).chmod(0o600)
    return server


class Client(End):
    """A connection of the API server, which is connected to the address that its CONNECT request names."""

    def __init__(self, to_loopback: Callable[[str], str]) -> None:
        super().__init__()
        self._to_loopback = to_loopback
        self._connecting: asyncio.Task | None = None

    def data_received(self, data: bytes) -> None:
        """Read the head of the request; forward the data that follow."""
        if self._connecting:
            super().data_received(data)
            return
        head, end, self._early = (self._early + data).partition(END_OF_HEAD)
        if end:
            self.transport.pause_reading()
            self._connecting = asyncio.get_running_loop().create_task(self._connect(head))
        elif len(head) > LONGEST_HEAD:
            self._answer("431 Request Header Fields Too Large")
        else:
            self._early = head

    async def _connect(self, head: bytes) -> None:
        try:
            host, port = _wanted(head, self._to_loopback)
        except ValueError:
            self._answer("403 Forbidden")
            return
        server = End()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: server, host, port)
        except (OSError, TimeoutError) as error:
            log.info("The API server asked for %s:%d, which does not answer: %s", host, port, error)
            server.reset()
            self._answer("502 Bad Gateway")
            return
        if self.transport.is_closing():
            server.reset()
            return
        self.transport.write(b"HTTP/1.1 200 Connection established" + END_OF_HEAD)
        self.join(server)

    def _answer(self, refusal: str) -> None:
        self.transport.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0".encode() + END_OF_HEAD)
        self.transport.close()


def _wanted(head: bytes, to_loopback: Callable[[str], str]) -> tuple[str, int]:
    """Return the loopback address and the port of a CONNECT request.

    Raises:
        ValueError: it is not a CONNECT request, or the address is not on this machine.
    """
    method, _, rest = head.decode("latin-1").partition(" ")
    host, _, port = rest.split(" ")[0].rpartition(":")
    address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else to_loopback(host))
    if method != "CONNECT" or not address.is_loopback:
        raise ValueError(head)
    return str(address), int(port)
