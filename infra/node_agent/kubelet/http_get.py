"""The GET of a probe or a hook: one connection, one question, and of the answer its status.

Probes are the largest part of what an idle agent does. A client that can do everything (aiohttp) takes three times the
processor's time for one, so that this is done by a socket and the parser that the services' own server has.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import Iterable

import httptools

CHUNK = 4096  # bytes that are read at once; the answer's end is not waited for
_PATH = "/%?&=#:@!$'()*+,;~"  # stand in a request as they are; what else is no letter or number is written as %XX


class NoAnswer(Exception):
    """What came is not HTTP, or nothing came."""


async def status(scheme: str, host: str, port: int, path: str, headers: Iterable[tuple[str, str]]) -> int:
    """Ask, and return the answer's status. A certificate may be anybody's: a kubelet does not look either.

    Raises:
        OSError: there is no connection.
        NoAnswer: there is one, and no status; it says why.
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
            if not answer.status:  # what follows the head is not looked at
                raise NoAnswer(f'malformed HTTP response "{data[:40].decode(errors="replace")}"') from None
    return answer.status


class _Answer:
    """Knows the status as soon as the head of an answer has come; "100 Continue" and the like are none."""

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
