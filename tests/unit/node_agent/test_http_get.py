"""The GET of a probe, asked of a real server that answers as a test says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable

import pytest
from node_agent.kubelet import http_get
from node_agent.kubelet.http_get import NoAnswer


def ask(
    answer: bytes, path: str = "/", headers: Iterable[tuple[str, str]] = (), scheme: str = "http"
) -> tuple[int, list[str]]:
    """The status of an answer, and the lines of the request."""
    lines: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read(4_000)
        lines.extend(question.decode(errors="replace").split("\r\n"))
        for part in answer.partition(b" "):  # in pieces
            writer.write(part)
            await writer.drain()
        writer.close()

    async def scenario() -> int:
        async with await asyncio.start_server(handle, "127.0.0.1", 0) as server, asyncio.timeout(30):
            return await http_get.status(scheme, "127.0.0.1", server.sockets[0].getsockname()[1], path, headers)

    return asyncio.run(scenario()), lines


@pytest.mark.parametrize("code", [200, 302, 404, 503])
def test_the_status_of_an_answer_is_returned_without_waiting_for_its_end(code: int):
    answer = f"HTTP/1.1 {code} Some Words\r\nContent-Length: 1000000\r\n\r\n"
    assert ask(answer.encode())[0] == code


def test_an_interim_answer_is_not_the_answer():
    assert ask(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")[0] == 204


def test_the_request_is_that_of_a_kubelet():
    _, lines = ask(b"HTTP/1.1 200 OK\r\n\r\n", "/a b?q=é&x=%20")
    assert lines[0] == "GET /a%20b?q=%C3%A9&x=%20 HTTP/1.1"
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert "User-Agent: kube-probe/1.37" in lines
    assert "Connection: close" in lines
    assert lines[-2:] == ["", ""]


def test_headers_of_a_probe_replace_the_defaults_whatever_their_case():
    headers = [("HOST", "name.example"), ("user-agent", "mine"), ("X-One", "1"), ("Connection", "keep-alive")]
    _, lines = ask(b"HTTP/1.1 200 OK\r\n\r\n", headers=headers)
    assert lines[1:-2] == ["HOST: name.example", "user-agent: mine", "X-One: 1", "Connection: close"]


@pytest.mark.parametrize("header", [("A", "b\r\nInjected: yes"), ("A\n", "b"), ("A", "\0")])
def test_a_header_with_a_line_break_is_refused(header: tuple[str, str]):
    with pytest.raises(NoAnswer, match="invalid header field value"):
        ask(b"", headers=[header])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "EOF"),
        (b"HTTP/1.1 200 OK\r\nPart", "EOF"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", 'malformed HTTP response "'),
    ],
)
def test_what_is_no_answer_is_told_in_the_words_of_a_kubelet(answer: bytes, said: str):
    with pytest.raises(NoAnswer, match=said):
        ask(answer)


def test_a_plain_server_asked_over_tls_gives_no_answer():
    with pytest.raises(NoAnswer, match=r"tls: \S"):
        ask(b"HTTP/1.1 400 Bad Request\r\n\r\n", scheme="https")


def test_a_port_where_nobody_listens_is_an_error_of_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(http_get.status("http", "127.0.0.1", port, "/", ()))


def test_any_certificate_will_do():
    context = http_get._anybody()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
