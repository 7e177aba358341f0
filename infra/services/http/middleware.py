"""ASGI middleware for every request of the server.

It refuses requests of web pages, counts all requests, and closes connections during a shutdown.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from services.http import request_guard
from services.http.serving import Serving
from services.payments.card_network import CardNetwork

BUCKETS = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.15,
    0.2,
    0.3,
    0.5,
    0.75,
    1,
    1.5,
    2,
    3,
    5,
    10,
)  # seconds; a call to the card network takes 0.1 s by default
Message = MutableMapping
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass
class Figures:
    """Prometheus metrics of the server."""

    network: CardNetwork
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        where: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("requests", "Requests by path and status.", ["path", "status"], **where)
        self.seconds = Histogram("payment_seconds", "How long POST /payments took.", buckets=BUCKETS, **where)
        in_flight = Gauge("payments_in_flight", "Calls to the card network that are being made.", **where)
        in_flight.set_function(lambda: self.network.in_flight)
        queued = Gauge("payments_queued", "Payments that wait for their turn at the card network.", **where)
        queued.set_function(lambda: self.network.queued)
        ProcessCollector(registry=self.registry)


@dataclass
class Edge:
    """An ASGI application that wraps another one."""

    app: Callable
    serving: Serving
    figures: Figures
    public_host: str = ""

    async def __call__(self, scope: MutableMapping, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.serving.leaving:  # the next request opens a connection, which leads to another replica
                    message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
            await send(message)

        try:
            if sentence := request_guard.refusal(scope["headers"], self.public_host):
                await _refuse(answer, sentence)
            else:
                await self.app(scope, receive, answer)
        finally:
            # The path of the route, not of the request: otherwise clients could fill the memory with new labels.
            path = getattr(scope.get("route"), "path", "other")
            self.figures.requests.labels(path, status).inc()
            if path == "/payments" and scope["method"] == "POST":
                self.figures.seconds.observe(time.perf_counter() - began)


async def _refuse(send: Send, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
