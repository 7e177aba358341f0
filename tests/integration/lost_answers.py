"""Lost answers of Kafka: a relay in front of each broker forwards requests and drops the first answer of some kinds.

The request is executed, but its sender gets no answer, as it can happen on a busy machine.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
from kafka.net import manager

SILENTLY, BY_CLOSING = "the answer never comes", "the connection is closed"
WITH_TRIAL = (19, 37)  # CreateTopics, CreatePartitions: they have the option "validate only"
ENVELOPE = 58  # the request with which a broker forwards a client's request to the controller


@dataclass(frozen=True)
class Kind:
    """A kind of request.

    Attributes:
        trial: whether it has the option "validate only" and changes nothing.
        forwarded: whether a broker forwards it to the controller.
    """

    api_key: int
    trial: bool = False
    forwarded: bool = False


def kind_of(request: bytes) -> Kind:
    """Return the kind of a request, given as bytes with its header."""
    (api_key,) = struct.unpack(">h", request[:2])
    if api_key == ENVELOPE:
        return replace(kind_of(_inside(request)), forwarded=True)
    # Both end in a boolean, "validate only", and in an empty list of tagged fields.
    return Kind(api_key, api_key in WITH_TRIAL and request[-2] == 1)


def _inside(envelope: bytes) -> bytes:
    """Return the request in an envelope.

    It follows the header with the client's name, and its length as a varint.
    """
    (name,) = struct.unpack(">h", envelope[8:10])
    at, length, shift = 11 + max(0, name), 0, 0
    while True:
        length |= (envelope[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if envelope[at - 1] < 128:
            return envelope[at : at + length - 1]


@dataclass
class Losses:
    """The answers to lose, and the requests and losses so far.

    Attributes:
        how: `SILENTLY` or `BY_CLOSING`.
        kinds: the kinds whose first answer is lost.
        requests: the number of requests of each kind.
        lost: the kinds whose answer was lost.
    """

    how: str
    kinds: set[Kind]
    requests: Counter = field(default_factory=Counter)
    lost: list[Kind] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def loses_answer_to(self, request: bytes) -> bool:
        """Count a request; return whether its answer must be lost."""
        kind = kind_of(request)
        with self._lock:
            self.requests[kind] += 1
            loses = kind in self.kinds and kind not in self.lost
            if loses:
                self.lost.append(kind)
            return loses


class Relay:
    """A relay in front of one broker, on a port of its own."""

    def __init__(self, broker_port: int, losses: Losses) -> None:
        self._broker_port, self._losses = broker_port, losses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self._closed = False
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Close all connections, and stop accepting new ones."""
        self._closed = True
        for one in list(self._open):
            _end(one)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                _end(client)
                continue
            self._open += [client, broker]
            if self._closed:  # closed since `accept`
                _end(client)
                _end(broker)
                return
            unanswered: set[int] = set()
            for relay in (self._requests, self._answers):
                threading.Thread(target=relay, args=(client, broker, unanswered), daemon=True).start()

    def _requests(self, client: socket.socket, broker: socket.socket, unanswered: set[int]) -> None:
        for request in _frames(client):
            if self._losses.loses_answer_to(request):
                unanswered.add(struct.unpack(">i", request[4:8])[0])
            with suppress(OSError):
                broker.sendall(struct.pack(">i", len(request)) + request)
        _end(broker)

    def _answers(self, client: socket.socket, broker: socket.socket, unanswered: set[int]) -> None:
        for answer in _frames(broker):
            if struct.unpack(">i", answer[:4])[0] in unanswered:
                if self._losses.how == BY_CLOSING:
                    break
                continue
            with suppress(OSError):
                client.sendall(struct.pack(">i", len(answer)) + answer)
        _end(client)
        _end(broker)


def _frames(source: socket.socket) -> Iterator[bytes]:
    """Yield messages without their length prefix, until the connection ends."""
    while (length := _exactly(source, 4)) and (message := _exactly(source, struct.unpack(">i", length)[0])):
        yield message


def _exactly(source: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        try:
            more = source.recv(count - len(found))
        except OSError:
            return b""
        if not more:
            return b""
        found += more
    return found


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def losing(monkeypatch: pytest.MonkeyPatch, how: str, *kinds: Kind) -> Iterator[Losses]:
    """Redirect kafka-python's connections in this process through relays that lose these answers.

    Brokers advertise their own ports to clients, so the client's connect function is replaced.
    """
    losses, relays, connect = Losses(how, set(kinds)), {}, manager.create_connection

    def led_through(net: object, host: str, port: int, *more: object, **options: object) -> object:
        if port not in relays:
            relays[port] = Relay(port, losses)
        return connect(net, host, relays[port].port, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(manager, "create_connection", led_through)
        try:
            yield losses
        finally:
            for relay in list(relays.values()):  # a copy: a client's thread can add a relay meanwhile
                relay.close()
