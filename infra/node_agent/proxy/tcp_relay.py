"""Relay between two TCP connections: data, ends and resets are forwarded in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable
from typing import cast

CONNECT_SECONDS = 5.0
RESET_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing drops unsent data and resets the connection


class End(asyncio.Protocol):
    """One of the two connections; its data go to the other one, and a slow reader slows the sender."""

    def __init__(self) -> None:
        # None until `connection_made`; no other method is called before that.
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.other: End | None = None
        self._early = b""  # data that arrived before `join`
        self._ended = False  # the peer has closed its direction

    def join(self, other: End) -> None:
        """Connect the two ends, and forward data from now on."""
        self.other, other.other = other, self
        for one in (self, other):
            one._begin()

    def _begin(self) -> None:
        assert self.other
        if self._early:
            self.other.transport.write(self._early)
            self._early = b""
        if self._ended:
            self._pass_end()
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.other:
            if not self.other.transport.is_closing():
                self.other.transport.write(data)
        else:
            self._early += data
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        if self.other and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        self._ended = True
        if self.other:
            self._pass_end()
        return True  # the other direction stays open

    def _pass_end(self) -> None:
        assert self.other
        with contextlib.suppress(OSError, RuntimeError):  # it is closed already; `connection_lost` reports that
            self.other.transport.write_eof()
        if self.other._ended:
            self.transport.close()
            self.other.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.other:
            if error:
                self.other.reset()
            else:
                self.other.transport.close()

    def reset(self) -> None:
        """Reset the connection."""
        if self.transport and not self.transport.is_closing():
            with contextlib.suppress(OSError):
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
            self.transport.abort()


async def connect(client: End, addresses: Iterable[tuple[str, int]]) -> None:
    """Connect a client to the first of these addresses that accepts; reset its connection if all refuse."""
    loop = asyncio.get_running_loop()
    for host, port in addresses:
        server = End()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: server, host, port)  # noqa: B023 (called before the next)
        except (OSError, TimeoutError):
            server.reset()
            continue
        if client.transport.is_closing():
            server.reset()
        else:
            client.join(server)
        return
    client.reset()
