"""The API server's way to pods: what it may ask for, and that bytes come through."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from node_agent.proxy import egress
from workshop.base.addresses import Addresses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes without Docker are Linux'")
ADDRESSES = Addresses(19090)
POD = ADDRESSES.pod_api(1, 7)
Asks = Callable[[str], Awaitable[tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Asks], Awaitable[None]]], None]:
    """Runs a test with a function that asks the proxy, and returns the first line of its answer."""
    folder = tmp_path / "a folder whose path is much longer than the name of a socket may be" / "kubernetes"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)

    async def run(test: Callable[[Asks], Awaitable[None]]) -> None:
        proxy = await egress.serve(folder, ADDRESSES.to_loopback)
        assert (folder / egress.SOCKET).stat().st_mode & 0o777 == 0o600
        writers = []

        async def ask(line: str):
            reader, writer = await asyncio.open_unix_connection(egress.SOCKET)
            writers.append(writer)
            writer.write(f"{line}\r\nHost: 127.0.0.1\r\n\r\n".encode())
            return (await reader.readuntil(b"\r\n\r\n")).splitlines()[0], reader, writer

        try:
            async with asyncio.timeout(60):
                await test(ask)
        finally:
            for writer in writers:
                writer.close()
            proxy.close()
            await proxy.wait_closed()

    return lambda test: asyncio.run(run(test))


def test_a_pods_address_leads_to_where_its_process_listens(asking) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"heard " + await reader.read())
        writer.close()

    async def test(ask: Asks) -> None:
        async with await asyncio.start_server(echo, ADDRESSES.to_loopback(POD), 0) as server:
            port = server.sockets[0].getsockname()[1]
            line, reader, writer = await ask(f"CONNECT {POD}:{port} HTTP/1.1")
            assert line == b"HTTP/1.1 200 Connection established"
            writer.write(b"this")
            writer.write_eof()
            assert await reader.read() == b"heard this"

    asking(test)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("CONNECT 192.0.2.1:80 HTTP/1.1", b"403 Forbidden"),
        ("CONNECT example.org:80 HTTP/1.1", b"403 Forbidden"),
        ("CONNECT localhost HTTP/1.1", b"403 Forbidden"),
        ("GET http://127.0.0.1:80/ HTTP/1.1", b"403 Forbidden"),
        ("", b"403 Forbidden"),
        (f"CONNECT {POD}:9 HTTP/1.1", b"502 Bad Gateway"),
        ("CONNECT " + "x" * 2 * egress.LONGEST_HEAD, b"403 Forbidden"),
    ],
)
def test_what_is_elsewhere_or_does_not_answer_is_refused(asking, line: str, answer: bytes) -> None:
    async def test(ask: Asks) -> None:
        assert (await ask(line))[0] == b"HTTP/1.1 " + answer

    asking(test)
