"""How a container is asked: what counts, and what a kubelet would say of each answer."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from node_agent.kubelet import probes

from .api.authority import Authority

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_probe_needs_its_failures_in_a_row() -> None:
    answers = iter(["", "no", "", "no", "no", "no", "", ""])
    verdicts: list[tuple[bool, int]] = []
    asked = 0

    async def once() -> str:
        nonlocal asked
        asked += 1
        try:
            return next(answers)
        except StopIteration:
            raise asyncio.CancelledError from None

    series = probes.Series(
        {"periodSeconds": 0.01, "failureThreshold": 3, "successThreshold": 2},
        once,
        lambda good, sentence: verdicts.append((good, asked)),
        lambda sentence: None,
    )
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(series.run())
    assert verdicts == [(False, 6), (True, 8)]


def test_a_refused_connection_is_said_as_go_says_it() -> None:
    container = SimpleNamespace()
    for action in ({"httpGet": {"port": 9, "path": "/x"}}, {"tcpSocket": {"port": 9}}):
        said = asyncio.run(probes.ask(action, container, {}, "127.0.0.1"))
        assert "dial tcp 127.0.0.1:9: connect: connection refused" in said
    assert "port" in asyncio.run(probes.ask({"tcpSocket": {"port": "http"}}, container, {}, "127.0.0.1"))


# -- GET


@asynccontextmanager
async def server(answer: bytes, heard: list[bytes], context: ssl.SSLContext | None = None):
    """Answers everybody with the same bytes, and who wants to hear nothing by silence; yields its port."""
    at_work: list[asyncio.Task] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.append(asyncio.current_task())
        # Who asked may have gone, as it has what it wants to know, or has lost its patience.
        with suppress(OSError, asyncio.IncompleteReadError):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            if b"GET /silence" in heard[-1]:
                await reader.read()  # until the one who asks has gone
            for part in (answer[:9], answer[9:]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)
            writer.close()
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.gather(*at_work)


def said_of(
    answer: bytes, context: ssl.SSLContext | None = None, timeout: float = 5, **action: object
) -> tuple[str, bytes]:
    """What a probe says of a server that answers so, and what the server heard."""
    heard: list[bytes] = []

    async def whole() -> str:
        async with server(answer, heard, context) as port:
            probe = {"httpGet": {"port": "http", **action}, "timeoutSeconds": timeout}
            return await probes.ask(probe, SimpleNamespace(), {"http": port}, "127.0.0.1")

    return asyncio.run(whole()), b"".join(heard)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (FINE, ""),
        (b"HTTP/1.0 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk", ""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\n\r\n", "HTTP probe failed with statuscode: 503"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP probe failed with statuscode: 404"),
        (b"+PONG\r\n", "malformed HTTP response"),
        (b"", "EOF"),
        (b"HTTP/1.1 200 OK\r\nContent-", "EOF"),
    ],
)
def test_an_answers_status_counts(answer: bytes, said: str) -> None:
    told, _ = said_of(answer)
    assert said in told
    assert bool(said) == bool(told)


def test_what_is_asked() -> None:
    headers = [{"name": "Host", "value": "shop"}, {"name": "X-Who", "value": "me"}]
    _, heard = said_of(FINE, path="/a b/é?q=1", httpHeaders=headers)
    lines = heard.decode().split("\r\n")
    assert lines[0] == "GET /a%20b/%C3%A9?q=1 HTTP/1.1"
    assert set(lines[1:-2]) == {"Host: shop", "User-Agent: kube-probe/1.37", "X-Who: me", "Connection: close"}


def test_a_header_cannot_be_two() -> None:
    told, heard = said_of(FINE, httpHeaders=[{"name": "X-Who", "value": "me\r\nX-Admin: yes"}])
    assert told.endswith("invalid header field value")
    assert not heard


def test_a_certificate_may_be_anybodys(tmp_path: Path) -> None:
    Authority("somebody").sign(tmp_path, "kubelet-serving", ("pod", "nobody"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "kubelet-serving.crt", tmp_path / "kubelet-serving.key")
    assert said_of(FINE, context, scheme="HTTPS")[0] == ""


def test_who_does_not_speak_tls_is_said_so() -> None:
    async def whole() -> str:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            left.set()

        left = asyncio.Event()
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as listening:
            action = {"port": listening.sockets[0].getsockname()[1], "scheme": "HTTPS"}
            said = await probes.ask({"httpGet": action, "timeoutSeconds": 5}, SimpleNamespace(), {}, "127.0.0.1")
            await left.wait()
            return said

    said = asyncio.run(whole())
    assert "tls: " in said
    assert "dial tcp" not in said


def test_who_does_not_answer_in_time_is_said_so() -> None:
    assert "context deadline exceeded" in said_of(FINE, timeout=0.1, path="/silence")[0]
