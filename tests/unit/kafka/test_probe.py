"""Whether a broker answers: real sockets, of which some speak Kafka's protocol, some another one, and some none."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from workshop.kafka import probe

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that handles one connection after the other as told, and then no more; return its address."""
    with ExitStack() as stack:

        def started(*handles: Callable[[socket.socket], None]) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                with listener:
                    for handle in handles:
                        connection, _ = listener.accept()
                        with connection:
                            handle(connection)

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            return f"127.0.0.1:{listener.getsockname()[1]}"

        yield started


def read_request(connection: socket.socket) -> tuple[int, int, int]:
    """The key, the version and the number of a request."""
    (length,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
    body = connection.recv(length, socket.MSG_WAITALL)
    return struct.unpack(">hhi", body[:8])


def broker(connection: socket.socket) -> None:
    """Answer the request, in two pieces."""
    key, version, number = read_request(connection)
    assert (key, version) == (18, 0)
    answer = struct.pack(">iih", 6, number, 0)
    connection.sendall(answer[:5])
    connection.sendall(answer[5:])


def silent(connection: socket.socket) -> None:
    """Read the request and wait until the client has gone, as a frozen broker."""
    while connection.recv(100):
        pass


def web_server(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def closing(connection: socket.socket) -> None:
    read_request(connection)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set how long each of the next answers is waited for; None for a server that is sure to answer or to close."""

    def of(*seconds: float | None) -> None:
        left, answers_on = iter(seconds), probe.answers_on

        def patient(opened: socket.socket) -> bool:
            monkeypatch.setattr(probe, "ANSWER_SECONDS", next(left))
            return answers_on(opened)

        monkeypatch.setattr(probe, "answers_on", patient)

    return of


def test_a_broker_that_answers_is_there(serve: Serve, patience: Callable):
    patience(None)
    assert probe.answers(serve(broker), {})


@pytest.mark.parametrize(("handle", "seconds"), [(silent, 0.05), (web_server, None), (closing, None)])
def test_what_does_not_answer_in_kafkas_protocol_is_no_broker(
    serve: Serve, handle: Callable, seconds: float | None, patience: Callable
):
    patience(seconds)
    assert not probe.answers(serve(handle), {})


def test_a_broker_that_answers_late_is_asked_again(serve: Serve, patience: Callable):
    patience(0.05, None, None)
    assert probe.some_broker_answers({"bootstrap_servers": [serve(silent, broker), serve(closing)]}, rounds=2)


def test_nobody_listens(serve: Serve):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not probe.answers(f"127.0.0.1:{port}", {})


def test_one_answer_among_the_addresses_is_enough(serve: Serve, patience: Callable):
    patience(0.05, None, 0.05, None)
    assert probe.some_broker_answers({"bootstrap_servers": [serve(silent), serve(broker)]})
    assert not probe.some_broker_answers({"bootstrap_servers": [serve(silent), serve(closing)]})
    assert not probe.some_broker_answers({"bootstrap_servers": []})


def test_a_connection_over_tls_to_a_plain_server_is_refused_and_closed(serve: Serve):
    closed = threading.Event()

    def plain(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(b"this is not a TLS record, but it is long enough to be read as one")
        with suppress(ConnectionResetError):
            while connection.recv(1_000):
                pass
        closed.set()

    with pytest.raises(ssl.SSLError):
        probe.connection(serve(plain), {"security_protocol": "SASL_SSL"}, seconds=None)
    assert closed.wait(60)


def test_brackets_of_an_address_of_version_6_are_no_part_of_the_host(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(socket, "create_connection", lambda address, seconds: asked.append(address))
    probe.connection("[::1]:19091", {})
    assert asked == [("::1", 19091)]


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [([2], "broker 2 to be listening (2 of 3)"), ([1, 3], "brokers 1, 3 to be listening (1 of 3)")],
)
def test_missing_brokers_are_named_and_the_others_counted(nodes: list[int], sentence: str):
    assert probe.brokers_missing(nodes, "listening") == sentence


def test_fenced_brokers_are_not_registered(monkeypatch: pytest.MonkeyPatch):
    described = [{"broker_id": 1, "is_fenced": False}, {"broker_id": 2, "is_fenced": True}, {"broker_id": 3}]
    monkeypatch.setattr(probe, "described_brokers", lambda kafka: described)
    assert probe.registered_brokers({}) == {1, 3}


def test_each_address_is_asked_alone_after_all_of_them_gave_no_answer(monkeypatch: pytest.MonkeyPatch):
    asked: list[list[str]] = []

    def ask(addresses: list[str], kafka: dict) -> list[dict]:
        asked.append(addresses)
        return [{"broker_id": 2}] if addresses == ["b:2"] else []

    monkeypatch.setattr(probe, "_ask", ask)
    assert probe.described_brokers({"bootstrap_servers": ["a:1", "b:2", "c:3"]}) == [{"broker_id": 2}]
    assert asked == [["a:1", "b:2", "c:3"], ["a:1"], ["b:2"]]


def test_a_single_address_is_asked_once(monkeypatch: pytest.MonkeyPatch):
    asked: list[list[str]] = []
    monkeypatch.setattr(probe, "_ask", lambda addresses, kafka: asked.append(addresses))
    assert probe.described_brokers({"bootstrap_servers": ["a:1"]}) == []
    assert asked == [["a:1"]]
