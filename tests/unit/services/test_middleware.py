"""The edge of the HTTP server: refusals, counts, and the header of a server that leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from types import SimpleNamespace

import pytest
from services.http.middleware import Edge, Figures, Receive, Send
from services.http.serving import Serving
from services.payments.card_network import CardNetwork

HOST = [(b"host", b"127.0.0.1:8080")]


async def app(scope: MutableMapping, receive: Receive, send: Send) -> None:
    """Answer 201 on the route `/payments`, and fail on the path `/defect`."""
    if scope["path"] == "/defect":
        raise ZeroDivisionError
    scope["route"] = SimpleNamespace(path="/payments")
    await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
def edge() -> Edge:
    return Edge(app, Serving(), Figures(CardNetwork(1, 0.0)), public_host="pay.example.org")


def request(edge: Edge, path: str = "/payments", method: str = "POST", headers: list | None = None) -> list[dict]:
    """The messages of an answer."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": HOST if headers is None else headers}
    asyncio.run(edge(scope, None, send))
    return sent


def counted(edge: Edge, path: str, status: int) -> float | None:
    return edge.figures.registry.get_sample_value("requests_total", {"path": path, "status": str(status)})


def timed(edge: Edge) -> float | None:
    return edge.figures.registry.get_sample_value("payment_seconds_count")


def test_an_answer_passes_and_is_counted_by_route_and_status(edge: Edge):
    start, body = request(edge)
    assert (start["status"], start["headers"], body["body"]) == (201, [(b"a", b"b")], b"{}")
    assert counted(edge, "/payments", 201) == 1
    assert timed(edge) == 1


def test_only_posts_of_payments_are_timed(edge: Edge):
    request(edge, method="GET")
    assert timed(edge) == 0


def test_a_server_that_leaves_closes_the_connection(edge: Edge):
    edge.serving.leaving = True
    assert request(edge)[0]["headers"] == [(b"a", b"b"), (b"connection", b"close")]


@pytest.mark.parametrize("header", [(b"origin", b"http://127.0.0.1:8080"), (b"host", b"rebound.example.org")])
def test_a_web_page_is_refused_before_the_application_sees_it(edge: Edge, header: tuple[bytes, bytes]):
    start, body = request(edge, "/defect", headers=[header])
    assert start["status"] == 403
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert json.loads(body["body"])["detail"].endswith(".")
    assert counted(edge, "other", 403) == 1
    assert timed(edge) == 0


def test_the_public_name_is_answered(edge: Edge):
    assert request(edge, headers=[(b"host", b"Pay.Example.org")])[0]["status"] == 201


def test_an_error_of_the_application_counts_as_500_and_is_raised(edge: Edge):
    with pytest.raises(ZeroDivisionError):
        request(edge, "/defect")
    assert counted(edge, "other", 500) == 1


def test_what_is_no_request_passes_uncounted(edge: Edge):
    seen: list[str] = []

    async def lifespan(scope: MutableMapping, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    edge.app = lifespan
    asyncio.run(edge({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
    assert counted(edge, "other", 500) is None


def test_the_gauges_show_the_card_network_of_this_moment():
    network = CardNetwork(1, 0.0)
    figures = Figures(network)
    network.in_flight, network.queued = 2, 5
    assert figures.registry.get_sample_value("payments_in_flight") == 2
    assert figures.registry.get_sample_value("payments_queued") == 5
