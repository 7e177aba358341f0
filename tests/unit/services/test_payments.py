"""What `payments` answers, without a network: a publisher by hand, and the application asked directly."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.http.serving import Serving
from services.payments import api, main
from services.payments.orders import MOST_CENTS, NotAnOrder, Order, payment_id_of
from services.payments.publisher import NotAcknowledged, NotConnected, Place
from services.runtime.settings import Settings
from workshop.domain.payments import PaymentMade, parse

ORDER = {"card": "card-1", "terminal": "terminal-1", "amount_cents": 250}


@dataclass
class Publisher:
    """Writes payments into a list; or fails, or waits, as told."""

    ready: bool = True
    fails: bool = False
    error: type[NotAcknowledged] = NotAcknowledged
    written: list[PaymentMade] = field(default_factory=list)
    closed: bool = False

    def start(self) -> None:
        """Nothing to look for."""

    async def publish(self, payment: PaymentMade) -> Place:
        if self.fails:
            raise self.error("TimeoutError")
        self.written.append(payment)
        return Place(partition=2, offset=len(self.written) - 1)

    async def try_to_write(self) -> None:
        if self.fails:
            raise NotAcknowledged("TimeoutError")

    def close(self, seconds: float) -> None:
        self.closed = True


@dataclass
class Service:
    """The application with a fake publisher, and a client of it."""

    publisher: Publisher = field(default_factory=Publisher)
    serving: Serving = field(default_factory=Serving)
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        env = {"KAFKA_BOOTSTRAP": "kafka:9092", "POD_NAME": "payments-7", "CARD_NETWORK_MS": "0", **self.env}
        app = api.build(Settings.read("payments", env), self.publisher, self.serving)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://payments")

    async def pay(self, key: str | None = None, **changed: object) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await self.client.post("/payments", json={**ORDER, **changed}, headers=headers)


def run(steps: Coroutine) -> object:
    return asyncio.run(steps)


def test_a_payment_is_answered_with_where_it_lies_and_who_took_it():
    service = Service(env={"RELEASE": "2", "NODE_NAME": "worker-1"})
    answer = run(service.pay())
    assert answer.status_code == 201
    told = answer.json()
    assert (told["partition"], told["offset"], told["card"]) == (2, 0, "card-1")
    assert (told["pod"], told["node"], told["release"]) == ("payments-7", "worker-1", "2")
    payment = service.publisher.written[0]
    assert (payment.payment_id, payment.amount_cents) == (told["payment_id"], 250)
    assert parse(payment.value()) == payment
    assert payment.at.tzinfo is not None


def test_a_key_names_a_payment_on_every_replica_and_no_key_names_none():
    first, second, other = Service(), Service(), Service()
    assert run(first.pay("order-1")).json()["payment_id"] == run(second.pay("order-1")).json()["payment_id"]
    ids = [run(other.pay(key)).json()["payment_id"] for key in ("order-2", None, None)]
    assert len({*ids, payment_id_of("order-1", "card-1")}) == 4


def test_a_key_belongs_to_a_card():
    assert payment_id_of("order-1", "card-1") != payment_id_of("order-1", "card-2")
    assert payment_id_of("order-1", "card-1") == "5ca955681ec35371aea005ae78475099", "releases must agree on it"


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
def test_an_unusable_key_is_refused(key: str):
    service = Service()
    answer = run(service.pay(key))
    assert (answer.status_code, service.publisher.written) == (422, [])
    assert "Idempotency-Key" in answer.json()["detail"][0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("card", value) for value in ("", " ", " card", "x" * 65, "a\nb", "a\x00", 5, None, ["card"])),
        *(("terminal", value) for value in ("", "x" * 65, None)),
        *(("amount_cents", value) for value in (-1, 1.5, "5", True, None, MOST_CENTS + 1, 10**30)),
        *(("at", value) for value in ("yesterday", 5, "2999-01-01T00:00:00", "1999-12-31T00:00:00Z")),
        ("at", "0001-01-01T00:00:00+01:00"),
        ("currency", "EUR"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(field: str, value: object):
    service = Service()
    answer = run(service.pay(**{field: value}))
    assert (answer.status_code, service.publisher.written) == (422, [])
    assert any(reason.startswith(f"{field}: ") for reason in answer.json()["detail"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"card": "\\ud800"}', b"[" * 5_000])
def test_a_body_that_is_no_order_is_refused(body: bytes):
    answer = run(Service().client.post("/payments", content=body))
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_body_larger_than_any_order_is_refused():
    answer = run(Service().client.post("/payments", content=b" " * 20_000))
    assert answer.status_code == 413


@given(st.binary(max_size=300))
def test_whatever_comes_is_an_order_or_is_refused(body: bytes):
    with suppress(NotAnOrder):
        Order.parse(body).payment(None).value()


def test_a_time_without_a_zone_is_utc():
    order = Order.parse(b'{"card": "c", "terminal": "t", "amount_cents": 0, "at": "2018-05-01T10:00:00"}')
    assert order.payment(None).at.isoformat() == "2018-05-01T10:00:00+00:00"


def test_what_kafka_did_not_acknowledge_is_no_payment_made():
    answer = run(Service(Publisher(fails=True)).pay())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "same Idempotency-Key" in answer.json()["detail"]


def test_a_service_that_has_not_found_kafka_says_that_no_payment_was_made():
    answer = run(Service(Publisher(fails=True, error=NotConnected)).pay())
    assert answer.status_code == 503
    assert "The payment was not made" in answer.json()["detail"]


def test_one_replica_has_so_many_calls_in_flight_and_the_rest_queue():
    service = Service(env={"CARD_NETWORK_CALLS": "2", "CARD_NETWORK_MS": "60000"})

    async def steps() -> list[str]:
        waiting = [asyncio.create_task(service.pay()) for _ in range(5)]
        while "payments_queued 3.0" not in (text := (await service.client.get("/metrics")).text):
            await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        after = (await service.client.get("/metrics")).text
        return [line for line in (text + after).splitlines() if line.startswith("payments_")]

    figures = run(steps())
    assert figures == ["payments_in_flight 2.0", "payments_queued 3.0", "payments_in_flight 0.0", "payments_queued 0.0"]
    assert service.publisher.written == []


def test_readiness_is_of_the_topic_and_not_of_a_service_that_leaves():
    service = Service(Publisher(ready=False))

    async def steps() -> list[tuple[int, str | None]]:
        found = [await ask()]
        service.publisher.ready = True
        found.append(await ask())
        service.serving.leaving = True
        return [*found, await ask()]

    async def ask() -> tuple[int, str | None]:
        answer = await service.client.get("/readyz")
        return answer.status_code, answer.headers.get("connection")

    assert run(steps()) == [(503, None), (200, None), (503, "close")]


def test_the_deep_health_asks_kafka_and_the_plain_one_does_not():
    for fails, deep in ((False, 200), (True, 503)):
        service = Service(Publisher(fails=fails))
        assert run(service.client.get("/deephealthz")).status_code == deep
        assert run(Service(Publisher(fails=fails)).client.get("/healthz")).status_code == 200


def test_a_service_that_leaves_still_takes_payments_and_says_good_bye_with_each():
    service = Service(serving=Serving(leaving=True))
    answer = run(service.pay())
    assert (answer.status_code, answer.headers["connection"]) == (201, "close")


def test_a_hung_service_does_not_tell_that_it_lives_and_otherwise_goes_on():
    service = Service()

    async def steps() -> tuple[int, int]:
        assert (await service.client.get("/healthz")).status_code == 200
        await service.client.post("/admin/hang")
        waits = asyncio.create_task(service.client.get("/healthz"))
        paid = (await service.pay()).status_code
        done, _ = await asyncio.wait([waits], timeout=0.2)
        assert not done
        service.serving.left.set()  # a hung service can be told to leave all the same
        return paid, (await waits).status_code

    assert run(steps()) == (201, 200)


def test_figures_count_requests_by_route_so_that_strangers_add_no_labels():
    service = Service()

    async def steps() -> str:
        await service.pay()
        await service.pay(amount_cents=-1)
        await service.client.get("/nothing/here/1")
        return (await service.client.get("/metrics")).text

    figures = run(steps())
    assert 'requests_total{path="/payments",status="201"} 1.0' in figures
    assert 'requests_total{path="/payments",status="422"} 1.0' in figures
    assert 'requests_total{path="other",status="404"} 1.0' in figures
    assert "payment_seconds_count 2.0" in figures
    assert "nothing/here" not in figures


def test_a_server_told_to_leave_waits_for_its_connections_but_not_for_ever(monkeypatch: pytest.MonkeyPatch):
    clock = [100.0]
    monkeypatch.setattr(main.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(main.shutdown, "within", lambda seconds: None)
    settings = Settings.read("payments", {"KAFKA_BOOTSTRAP": "kafka:9092", "SHUTDOWN_SECONDS": "20"})
    server = main.Server(settings, Serving())
    server.handle_exit(15, None)
    server.server_state.connections.add("one that is idle")
    stopped = []
    for clock[0] in (100.0, 104.9, 105.1):
        stopped.append(run(server.on_tick(1)))
    assert stopped == [False, False, True]
    server.server_state.connections.clear()
    server.should_exit = False
    clock[0] = 101.1
    assert run(server.on_tick(1))
