"""Two TCP connections joined into one, on real sockets of the loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from node_agent.proxy import tcp_relay

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with what came, once all of it has come."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection after the first byte."""
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, tcp_relay.RESET_AT_ONCE)
    writer.transport.abort()


@asynccontextmanager
async def relayed(handle: Handle, *before: tuple[str, int]) -> AsyncIterator[Streams]:
    """A client's connection through a relay to a server; the relay tries the addresses `before` first."""
    loop = asyncio.get_running_loop()
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        target = server.sockets[0].getsockname()
        tasks: list[asyncio.Task] = []

        class Client(tcp_relay.End):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                tasks.append(asyncio.create_task(tcp_relay.connect(self, [*before, target])))

        async with await loop.create_server(Client, "127.0.0.1", 0) as relay:
            reader, writer = await asyncio.open_connection(*relay.sockets[0].getsockname())
            try:
                yield reader, writer
            finally:
                writer.close()
                await asyncio.gather(*tasks)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


def closed_port() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_bytes_pass_in_both_directions_and_so_does_the_end(size: int):
    async def scenario() -> None:
        async with relayed(echo) as (reader, writer):
            writer.write(b"x" * size)
            writer.write_eof()
            assert len(await reader.read()) == size

    run(scenario)


def test_the_next_address_is_tried_if_one_does_not_answer():
    async def scenario() -> None:
        async with relayed(echo, closed_port()) as (reader, writer):
            writer.write(b"question")
            writer.write_eof()
            assert await reader.read() == b"question"

    run(scenario)


def test_a_reset_of_the_server_reaches_the_client_as_a_reset():
    async def scenario() -> None:
        async with relayed(reset) as (reader, writer):
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()

    run(scenario)


def test_a_client_whom_no_server_takes_is_reset():
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[tcp_relay.End] = loop.create_future()

        class Client(tcp_relay.End):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                accepted.set_result(self)

        async with await loop.create_server(Client, "127.0.0.1", 0) as relay:
            reader, writer = await asyncio.open_connection(*relay.sockets[0].getsockname())
            await tcp_relay.connect(await accepted, [closed_port(), closed_port()])
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    run(scenario)


def test_a_server_that_does_not_read_slows_the_client_down():
    async def scenario() -> None:
        may_read = asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await may_read.wait()
            await echo(reader, writer)

        async with relayed(slow) as (reader, writer):
            size = 30_000_000  # more than the buffers of four sockets hold
            writer.write(b"x" * size)
            draining = asyncio.create_task(writer.drain())
            await asyncio.wait([draining], timeout=0.1)
            assert not draining.done()
            may_read.set()
            receiving = asyncio.create_task(reader.read())
            await draining
            writer.write_eof()
            assert len(await receiving) == size

    run(scenario)
