"""The side server of a reading service on a real port."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer

import pytest
from prometheus_client import CollectorRegistry, Counter
from services.http import side_server
from services.runtime.settings import Settings

ENV = {"KAFKA_BOOTSTRAP": "127.0.0.1:9", "HOST": "127.0.0.1", "PORT": "0", "RELEASE": "7", "POD_NAME": "debits-1"}


class Service:
    """A service whose reason not to be ready a test sets."""

    def __init__(self) -> None:
        self.reason = ""
        self.figures = CollectorRegistry()
        Counter("events", "Events.", registry=self.figures).inc(3)
        settings = Settings.read("debits", {**ENV, "NODE_NAME": "worker-1"})
        self.side = side_server.Side(settings, lambda: self.reason, self.figures)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def server(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setattr(side_server, "NEVER", 0.01)  # so that it can be shut down
    running = side_server.serve(service.side)
    yield running
    running.shutdown()
    running.server_close()


def get(server: ThreadingHTTPServer, path: str, **headers: str) -> tuple[int, str, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


def test_the_root_says_who_answers(server: ThreadingHTTPServer):
    status, kind, body = get(server, "/?anything")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {"service": "debits", "pod": "debits-1", "node": "worker-1", "release": "7"}


def test_readiness_gives_the_reason_and_liveness_does_not_depend_on_it(server: ThreadingHTTPServer, service: Service):
    assert get(server, "/readyz")[0] == 200
    service.reason = "The service is shutting down."
    status, _, body = get(server, "/readyz")
    assert (status, json.loads(body)) == (503, {"detail": "The service is shutting down."})
    assert get(server, "/healthz")[0] == 200


def test_figures_are_in_the_format_of_prometheus(server: ThreadingHTTPServer):
    status, kind, body = get(server, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert b"events_total 3.0" in body


def test_an_unknown_path_is_answered_with_the_known_ones(server: ThreadingHTTPServer):
    status, _, body = get(server, "/payments")
    assert status == 404
    assert "/readyz and /metrics" in json.loads(body)["detail"]


@pytest.mark.parametrize("headers", [{"Origin": "http://127.0.0.1"}, {"Host": "rebound.example.org"}])
def test_a_web_page_gets_no_answer(server: ThreadingHTTPServer, headers: dict[str, str]):
    status, _, body = get(server, "/", **headers)
    assert status == 403
    assert b"debits" not in body


def test_a_port_that_is_taken_ends_the_process_with_a_sentence(capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.read("debits", {**ENV, "PORT": str(port)})
        with pytest.raises(SystemExit) as ended:
            side_server.serve(side_server.Side(settings, str, CollectorRegistry()))
    assert ended.value.code == 2
    assert f"debits cannot listen on 127.0.0.1:{port}: " in capsys.readouterr().err
