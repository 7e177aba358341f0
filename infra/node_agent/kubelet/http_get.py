"""HTTP GET of a probe or a hook: one connection, one request, and the status of the answer.

Probes are the largest part of an idle agent's work. A full client (aiohttp) needs three times the CPU time for a probe, so
this one uses a socket and the parser of the services' server.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import Iterable

import httptools

CHUNK = 4096  # bytes per read; the end of the answer is not awaited
_PATH = "/%?&=#:@!$'()*+,;~"  # left as they are in a request; other marks are written as %XX


class NoAnswer(Exception):
    """The answer is missing, or is not HTTP."""


async def status(scheme: str, host: str, port: int, path: str, headers: Iterable[tuple[str, str]]) -> int:
    """Send a GET request and return the status of the answer.

    As in a kubelet, certificates are not verified.

    Raises:
        OSError: the connection failed.
        NoAnswer: there is a connection, but no status; the text is the reason.
    """
    question = _question(host, port, path, headers)
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=_anybody() if scheme == "https" else None)
    except ssl.SSLError as error:
        raise NoAnswer(f"tls: {error.reason or error}") from None
    try:
        writer.write(question)
        return await _status(reader)
    except OSError as error:
        raise NoAnswer(f"read tcp {host}:{port}: {(error.strerror or str(error)).lower()}") from None
    finally:
        writer.close()


def _question(host: str, port: int, path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    told = {"host": ("Host", f"{host}:{port}"), "user-agent": ("User-Agent", "kube-probe/1.37")}
    told |= {name.lower(): (name, value) for name, value in headers} | {"connection": ("Connection", "close")}
    if any(mark in name + value for name, value in told.values() for mark in "\r\n\0"):
        raise NoAnswer("invalid header field value")
    lines = [
        f"GET {urllib.parse.quote(path, safe=_PATH)} HTTP/1.1",
        *(f"{name}: {value}" for name, value in told.values()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _status(reader: asyncio.StreamReader) -> int:
    answer = _Answer()
    while not answer.status:
        data = await reader.read(CHUNK)
        if not data:
            raise NoAnswer("EOF")
        try:
            answer.parser.feed_data(data)
        except httptools.HttpParserError:
            if not answer.status:  # the data after the head are not checked
                raise NoAnswer(f'malformed HTTP response "{data[:40].decode(errors="replace")}"') from None
    return answer.status


class _Answer:
    """The status of an answer, set when its head has arrived.

    Interim answers such as "100 Continue" do not count.
    """

    status = 0

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        if (status := self.parser.get_status_code()) >= 200:
            self.status = self.status or status


def _anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
