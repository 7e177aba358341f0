"""The API server's way to pods and Services: a proxy on a socket that only this user can open.

The API server dials a pod or a Service at the address that the API has (10.244.…, 10.96.…), for `kubectl get --raw
/api/v1/namespaces/…/pods/NAME:PORT/proxy/` and `kubectl proxy`. An egress selector (`--egress-selector-config-file`) makes it
ask this proxy instead, by HTTP CONNECT; the proxy dials where the process really listens.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from pathlib import Path

from node_agent.proxy.tcp_relay import CONNECT_SECONDS, End

log = logging.getLogger(__name__)

# In the folder in which both the agent and the control plane run: a socket's path has at most 107 bytes, a name fits always.
SOCKET = "egress.sock"
LONGEST_HEAD = 8192  # bytes
END_OF_HEAD = b"\r\n\r\n"


async def serve(folder: Path, to_loopback: Callable[[str], str]) -> asyncio.Server:
    """Listen on the socket.

    Args:
        folder: the current folder of this process.
        to_loopback: where the holder of an address of the cluster listens.
    """
    (folder / SOCKET).unlink(missing_ok=True)  # of an agent that was killed
    server = await asyncio.get_running_loop().create_unix_server(lambda: Client(to_loopback), SOCKET)
    (folder / SOCKET).chmod(0o600)
    return server


class Client(End):
    """A connection of the API server: it names where it wants to be connected to, then it is."""

    def __init__(self, to_loopback: Callable[[str], str]) -> None:
        super().__init__()
        self._to_loopback = to_loopback
        self._connecting: asyncio.Task | None = None

    def data_received(self, data: bytes) -> None:
        """Read the head of its request; what comes after that is passed on."""
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
    """The loopback address and the port of a CONNECT request.

    Raises:
        ValueError: it is no such request, or leads beyond this machine.
    """
    method, _, rest = head.decode("latin-1").partition(" ")
    host, _, port = rest.split(" ")[0].rpartition(":")
    address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else to_loopback(host))
    if method != "CONNECT" or not address.is_loopback:
        raise ValueError(head)
    return str(address), int(port)
