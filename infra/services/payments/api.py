"""What `payments` answers: the handlers, each with what it needs given to it once."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from workshop.domain.payments import PaymentMade

from services.http.middleware import Edge, Figures
from services.http.serving import Serving
from services.payments.card_network import Busy, CardNetwork
from services.payments.orders import NotAnOrder, Order, checked_key
from services.payments.publisher import NotAcknowledged, Place
from services.runtime.settings import Settings

log = logging.getLogger(__name__)
LARGEST_BODY = 10_000  # bytes
RETRY = {"Retry-After": "1"}
UNSURE = "Kafka did not acknowledge the payment; it may have been written. Try again, with the same Idempotency-Key."


class Publishes(Protocol):
    """Who writes payments."""

    @property
    def ready(self) -> bool:
        """Whether it knows its topic."""

    def start(self) -> None:
        """Begin to look for Kafka."""

    async def publish(self, payment: PaymentMade) -> Place:
        """Write one."""

    async def try_to_write(self) -> None:
        """Write something that nobody needs."""

    def close(self, seconds: float) -> None:
        """Write what is on its way, and stop."""


class TooLarge(Exception):
    """The body is larger than any order."""


def build(settings: Settings, publisher: Publishes, serving: Serving) -> Edge:
    """The application."""
    network = CardNetwork(settings.card_network_calls, settings.card_network_seconds)
    figures = Figures(network)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        publisher.start()
        yield
        await asyncio.to_thread(publisher.close, settings.shutdown_seconds / 5)

    app = FastAPI(title="payments", lifespan=life, docs_url=None, redoc_url=None)
    _add_payments(app, settings, publisher, network)
    _add_probes(app, settings, publisher, serving, figures)
    _add_lesson_tools(app, serving)
    _add_refusals(app)
    return Edge(app, serving, figures, settings.public_host)


def _add_payments(app: FastAPI, settings: Settings, publisher: Publishes, network: CardNetwork) -> None:
    schema = {"required": True, "content": {"application/json": {"schema": Order.model_json_schema()}}}

    @app.post("/payments", status_code=201, openapi_extra={"requestBody": schema})
    async def pay(request: Request) -> JSONResponse:
        """Make a payment. With an Idempotency-Key, to send it again is safe: see `payment_id_of`."""
        key = checked_key(request.headers.get("idempotency-key"))
        payment = Order.parse(await _body(request)).payment(key)
        await network.authorize()
        place = await publisher.publish(payment)
        where = {"payment_id": payment.payment_id, "partition": place.partition, "offset": place.offset}
        log.info("payment made", extra={"fields": where})  # without the card: a log is not the place for its number
        return JSONResponse({"card": payment.card, **where, **settings.identity()}, 201)


def _add_probes(app: FastAPI, settings: Settings, publisher: Publishes, serving: Serving, figures: Figures) -> None:
    @app.get("/")
    async def who() -> dict[str, str]:
        """Who answers."""
        return settings.identity()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether it lives. It never asks Kafka: to start a service again does not mend brokers."""
        await serving.alive()
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Whether it should be given requests."""
        if serving.leaving:
            return _refusal(503, "It is leaving.")
        if not publisher.ready:
            return _refusal(503, f"It has not found Kafka and its topic '{settings.payments_topic}' yet.")
        return JSONResponse({"status": "ready"})

    @app.get("/deephealthz")
    async def deephealthz() -> JSONResponse:
        """Whether a payment would be acknowledged at present: for people and dashboards. It asks Kafka."""
        try:
            await publisher.try_to_write()
        except NotAcknowledged as error:
            return _refusal(503, f"Kafka acknowledges no write: {error}.")
        return JSONResponse({"status": "Kafka acknowledges writes"})

    @app.get("/metrics")
    async def metrics() -> Response:
        """Its figures, for Prometheus."""
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)


def _add_lesson_tools(app: FastAPI, serving: Serving) -> None:
    """Faults to order: a lesson's tools, which a service outside a workshop does not have."""

    @app.post("/admin/hang", status_code=202)
    async def hang() -> dict[str, str]:
        """From now on /healthz does not answer, as if the service had lost itself in a loop; what else it does goes on."""
        serving.hung = True
        return {"detail": "From now on /healthz does not answer."}

    @app.post("/admin/crash", status_code=202)
    async def crash() -> dict[str, str]:
        """Die, right after this answer, with exit code 1; whoever waits for an answer waits in vain."""
        asyncio.get_running_loop().call_later(0.05, os._exit, 1)
        return {"detail": "It dies now."}


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(NotAnOrder)
    async def not_an_order(request: Request, error: NotAnOrder) -> JSONResponse:
        return JSONResponse({"detail": error.reasons}, 422)

    @app.exception_handler(TooLarge)
    async def too_large(request: Request, error: TooLarge) -> JSONResponse:
        return _refusal(413, f"An order has at most {LARGEST_BODY:,} bytes.")

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> JSONResponse:
        return _refusal(503, f"The payment was not made: {error} Try again.", RETRY)

    @app.exception_handler(NotAcknowledged)
    async def not_acknowledged(request: Request, error: NotAcknowledged) -> JSONResponse:
        log.warning("payment not acknowledged", extra={"fields": {"kafka": str(error)}})
        return _refusal(503, UNSURE, RETRY)


def _refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, headers)


async def _body(request: Request) -> bytes:
    """The body, as far as it is no larger than any order can be."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise TooLarge
    return body
