"""HTTP API of the service `payments`; its handlers receive their dependencies in `build`."""

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
from services.payments.publisher import NotAcknowledged, NotConnected, Place
from services.runtime.settings import Settings

log = logging.getLogger(__name__)
LARGEST_BODY = 10_000  # bytes
RETRY = {"Retry-After": "1"}
NOT_MADE = "The payment was not made: the service has not found Kafka yet. Try again."
UNSURE = "Kafka did not acknowledge the payment; it may have been written. Try again, with the same Idempotency-Key."


class Publishes(Protocol):
    """Interface of a publisher of payments."""

    @property
    def ready(self) -> bool:
        """Whether it has found its topic."""

    def start(self) -> None:
        """Start to connect to Kafka in the background."""

    async def publish(self, payment: PaymentMade) -> Place:
        """Write a payment."""

    async def try_to_write(self) -> None:
        """Write a test record."""

    def close(self, seconds: float) -> None:
        """Flush pending payments, and close."""


class TooLarge(Exception):
    """The body is larger than any order."""


def build(settings: Settings, publisher: Publishes, serving: Serving) -> Edge:
    """Return the application."""
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
        """Make a payment. With an Idempotency-Key it is safe to send it again: see `payment_id_of`."""
        key = checked_key(request.headers.get("idempotency-key"))
        payment = Order.parse(await _body(request)).payment(key)
        await network.authorize()
        place = await publisher.publish(payment)
        where = {"payment_id": payment.payment_id, "partition": place.partition, "offset": place.offset}
        log.info("payment made", extra={"fields": where})  # without the card number, which does not belong into a log
        return JSONResponse({"card": payment.card, **where, **settings.identity()}, 201)


def _add_probes(app: FastAPI, settings: Settings, publisher: Publishes, serving: Serving, figures: Figures) -> None:
    @app.get("/")
    async def who() -> dict[str, str]:
        """Return the identity of the replica."""
        return settings.identity()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Report liveness, without a request to Kafka: a restart of the service does not repair brokers."""
        await serving.alive()
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Report whether the replica should receive requests."""
        if serving.leaving:
            return _refusal(503, "The service is shutting down.")
        if not publisher.ready:
            return _refusal(503, f"The service has not found Kafka and its topic '{settings.payments_topic}' yet.")
        return JSONResponse({"status": "ready"})

    @app.get("/deephealthz")
    async def deephealthz() -> JSONResponse:
        """Report whether Kafka acknowledges a write at present: for people and dashboards, not for probes."""
        try:
            await publisher.try_to_write()
        except NotAcknowledged as error:
            return _refusal(503, f"Kafka acknowledges no write: {error}.")
        return JSONResponse({"status": "Kafka acknowledges writes"})

    @app.get("/metrics")
    async def metrics() -> Response:
        """Return the metrics for Prometheus."""
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)


def _add_lesson_tools(app: FastAPI, serving: Serving) -> None:
    """Add endpoints that inject faults for lessons; a service outside a workshop does not have them."""

    @app.post("/admin/hang", status_code=202)
    async def hang() -> dict[str, str]:
        """Stop answering /healthz, as if the service were in an endless loop; the other endpoints continue."""
        serving.hung = True
        return {"detail": "From now on /healthz does not answer."}

    @app.post("/admin/crash", status_code=202)
    async def crash() -> dict[str, str]:
        """Exit with code 1 right after this answer; other clients that wait get no answer."""
        asyncio.get_running_loop().call_later(0.05, os._exit, 1)
        return {"detail": "The process exits now."}


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
        return _refusal(503, NOT_MADE if isinstance(error, NotConnected) else UNSURE, RETRY)


def _refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, headers)


async def _body(request: Request) -> bytes:
    """Return the body.

    Raises:
        TooLarge: it has more than `LARGEST_BODY` bytes.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise TooLarge
    return body
