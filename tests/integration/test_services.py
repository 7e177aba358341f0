"""The services on real brokers, as processes like in pods: SIGKILL, SIGTERM, malformed records; balances stay correct."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from kafka import KafkaProducer
from services.payments.orders import payment_id_of
from workshop.base.environment import tool_environment
from workshop.base.processes import Component, Processes
from workshop.base.waiting import wait_until
from workshop.domain.payments import parse
from workshop.domain.payments.accounts import OPENING_CENTS, Account, command_for, decide, fold
from workshop.domain.payments.events import AccountDebited, PaymentDeclined, PaymentMade
from workshop.kafka import consume, dead_letters
from workshop.kafka.produce import publish
from workshop.notebook import services, story
from workshop.notebook.connection import Connection

PATIENCE = 120.0


@dataclass
class Pod:
    """A service as a process with the environment of a pod."""

    ws: Connection
    module: str
    env: dict[str, str]
    name: str = ""
    port: int = 0
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.name or f"{self.module}-{uuid.uuid4().hex[:6]}"
        self.port = _free_port()
        self.processes = Processes(self.ws.settings.state)

    def start(self) -> None:
        addresses = ",".join(self.ws.kafka["bootstrap_servers"])
        own = {"KAFKA_BOOTSTRAP": addresses, "HOST": "127.0.0.1", "PORT": str(self.port), "POD_NAME": self.name}
        argv = (str(self.ws.settings.python_bin / "python"), "-m", f"services.{self.module}")
        env = {**tool_environment(self.ws.settings), **own, **self.env}
        self.process = self.processes.start(Component(self.name, argv, env, grace=30.0))

    def wait(self) -> None:
        """Wait until it is ready."""
        wait_until(self.ready, PATIENCE, f"{self.name}", detail=lambda: self.processes.tail(self.name))

    def ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def alive(self) -> bool:
        try:
            return self.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)

    def kill(self) -> None:
        self.processes.stop([self.name], at_once=True)

    def post(self, client: httpx.Client, key: str, cents: int = 100, card: str = "card-1") -> httpx.Response:
        order = {"card": card, "terminal": "terminal-1", "amount_cents": cents}
        return client.post(f"http://127.0.0.1:{self.port}/payments", json=order, headers={"Idempotency-Key": key})


@dataclass
class Shop:
    """Topics of a test, and services that use them."""

    ws: Connection
    payments: str
    debits: str
    balances: str
    reports: str
    alerts: str
    letters: str
    pods: list[Pod] = field(default_factory=list)
    group: str = field(default_factory=lambda: f"group-{uuid.uuid4().hex[:6]}")

    def run(self, module: str, **env: str) -> Pod:
        """Start an instance; all instances of a module are in one consumer group."""
        topics = {"PAYMENTS_TOPIC": self.payments, "DEBITS_TOPIC": self.debits, "BALANCES_TOPIC": self.balances}
        topics |= {"REPORTS_TOPIC": self.reports, "ALERTS_TOPIC": self.alerts, "GROUP": f"{module}-{self.group}"}
        topics["DEAD_LETTERS_TOPIC"] = self.letters
        pod = Pod(self.ws, module, {**topics, **env})
        self.pods.append(pod)
        pod.start()
        return pod

    def in_log(self) -> list[PaymentMade]:
        return [parse(record.value) for record in consume.read_all(self.ws, self.payments)]

    def balance_of(self) -> dict[str, int]:
        """Return the last balance of each card in the compacted topic."""
        records = consume.read_all(self.ws, self.balances, isolation_level="read_committed")
        return {record.key.decode(): json.loads(record.value)["balance_cents"] for record in records}

    def wait_for_answers(self, count: int) -> None:
        wait_until(
            lambda: len(services.answered(self.ws, self.debits)) >= count,
            PATIENCE,
            f"{count} answers",
            detail=lambda: "\n".join(f"{pod.name}:\n{pod.processes.tail(pod.name)}" for pod in self.pods),
            every=0.3,
        )


@contextmanager
def shop(ws: Connection) -> Iterator[Shop]:
    names = ("paid", "debited", "balanced", "reported", "flagged", "set-aside")
    made = Shop(ws, *(ws.fresh_topic(name) for name in names))
    try:
        yield made
    finally:
        made.pods and made.pods[0].processes.stop([pod.name for pod in made.pods])


def test_a_payment_goes_through_all_services_once_however_often_it_is_sent(ws: Connection):
    with shop(ws) as here, httpx.Client(timeout=30) as client:
        pay, debits, alerts = (here.run(name) for name in ("payments", "debits", "fraud_alerts"))
        for pod in (pay, debits, alerts):
            pod.wait()
        answers = [pay.post(client, key, 30_000).json() for key in ("one", "one", "two", "three", "four")]
        assert answers[0]["payment_id"] == answers[1]["payment_id"] == payment_id_of("one", "card-1")
        offsets = [answer["offset"] for answer in answers]
        assert offsets == [0, 1, 2, 3, 4]
        here.wait_for_answers(4)
        events = [parse(record.value) for record in consume.read_all(ws, here.debits, isolation_level="read_committed")]
        debited = [event.payment_id for event in events if isinstance(event, AccountDebited)]
        assert debited == [payment_id_of(key, "card-1") for key in ("one", "two", "three")]
        assert [type(event) for event in events][-1] is PaymentDeclined
        assert here.balance_of() == {"card-1": OPENING_CENTS - 90_000}
        flagged = wait_until(lambda: consume.read_all(ws, here.alerts), PATIENCE, "an alert", every=0.3)
        assert parse(flagged[0].value).payment_id == payment_id_of("one", "card-1")
        assert 'events_total{type="AccountDebited"} 3.0' in debits.get("/metrics").text


def test_killed_while_payments_are_under_way_all_succeed_on_retry_and_none_is_debited_twice(ws: Connection):
    with shop(ws) as here:
        here.run("debits")
        pays = [here.run("payments", CARD_NETWORK_MS="50") for _ in range(2)]
        for pod in pays:
            pod.wait()
        keys = [f"order-{number}" for number in range(120)]
        halfway, killed = threading.Event(), threading.Event()

        def pay(number: int) -> int:
            """Retry at alternating replicas until a payment is acknowledged; return the number of attempts."""
            if number == 60:
                halfway.set()
            if number >= 100:  # however late the kill comes, some payments meet a dead replica
                killed.wait(PATIENCE)
            for attempt in range(1, 60):
                try:
                    with httpx.Client(timeout=30) as client:
                        if (
                            pays[(number + attempt) % 2]
                            .post(client, keys[number], card=f"card-{number % 7}")
                            .status_code
                            == 201
                        ):
                            return attempt
                except httpx.HTTPError:
                    time.sleep(0.1)
            raise AssertionError(f"{keys[number]} was never acknowledged")

        with ThreadPoolExecutor(16) as pool:
            tried = [pool.submit(pay, number) for number in range(len(keys))]
            halfway.wait(PATIENCE)
            pays[0].kill()
            killed.set()
            attempts = [one.result() for one in tried]
        assert max(attempts) > 1, "the kill hit nobody"
        here.wait_for_answers(len(keys))
        times = services.answered(ws, here.debits)
        assert set(times) == {payment_id_of(key, f"card-{number % 7}") for number, key in enumerate(keys)}
        assert set(times.values()) == {1}
        of_card = [len(range(card, len(keys), 7)) for card in range(7)]
        assert here.balance_of() == {f"card-{card}": OPENING_CENTS - 100 * of_card[card] for card in range(7)}


def test_told_to_leave_while_requests_come_in_it_fails_none(ws: Connection):
    with shop(ws) as here:
        leaves, stays = here.run("payments", SHUTDOWN_SECONDS="20"), here.run("payments")
        for pod in (leaves, stays):
            pod.wait()
        told = threading.Event()

        def customer(number: int) -> list[int]:
            """Pay over a persistent connection; switch to the other replica when this one shuts down."""
            codes, pod = [], leaves
            with httpx.Client(timeout=60) as client:
                while not (told.is_set() and pod is stays):
                    answer = pod.post(client, f"{number}-{len(codes)}", card=f"card-{number}")
                    codes.append(answer.status_code)
                    if answer.headers.get("connection") == "close":
                        pod = stays
            return codes

        with ThreadPoolExecutor(20) as pool:  # ten calls of the card network, and ten requests in the queue
            customers = [pool.submit(customer, number) for number in range(20)]
            wait_until(lambda: len(here.in_log()) >= 40, PATIENCE, "payments under way", every=0.2)
            leaves.processes.signal(leaves.name, signal.SIGTERM)
            wait_until(lambda: not leaves.ready(), PATIENCE, "readiness to say no")
            told.set()
            codes = [code for one in customers for code in one.result()]
        assert set(codes) == {201}
        assert len(here.in_log()) == len(codes)
        assert leaves.process.wait(timeout=30) in (0, None)
        assert "The service has stopped." in leaves.processes.tail(leaves.name)


def test_three_instances_of_debits_one_killed_each_payment_is_debited_once_to_the_cent(ws: Connection):
    day = story.one_day()[:600]
    with shop(ws) as here:
        publish(ws, here.payments, day)
        first = here.run("debits", WORK_MS="6")
        here.wait_for_answers(30)
        others = [here.run("debits", WORK_MS="6") for _ in range(2)]  # a rebalance during the work
        for pod in others:
            pod.wait()
        here.wait_for_answers(150)
        first.kill()  # its transaction stays open until the brokers abort it
        here.wait_for_answers(300)
        fourth = here.run("debits", WORK_MS="6")
        fourth.wait()
        others[0].processes.stop([others[0].name])  # an orderly shutdown
        here.wait_for_answers(len(day))
        times = services.answered(ws, here.debits)
        assert set(times) == {payment.payment_id for payment in day}
        assert set(times.values()) == {1}
        assert here.balance_of() == expected(day)


def test_one_that_was_frozen_and_lost_its_partitions_writes_nothing_more_for_them(ws: Connection):
    day = story.one_day()[:300]
    with shop(ws) as here:
        first, second = here.run("debits", WORK_MS="10"), here.run("debits", WORK_MS="10")
        for pod in (first, second):
            pod.wait()
        publish(ws, here.payments, day)
        here.wait_for_answers(40)
        first.processes.signal(first.name, signal.SIGSTOP)
        here.wait_for_answers(len(day))  # all payments, so the other replica has taken over
        first.processes.signal(first.name, signal.SIGCONT)
        publish(ws, here.payments, [PaymentMade("card-new", "t", 5, day[0].at, f"late-{n}") for n in range(20)])
        here.wait_for_answers(len(day) + 20)
        wait_until(first.ready, PATIENCE, "the frozen one to have joined again")
        times = services.answered(ws, here.debits)
        assert len(times) == len(day) + 20
        assert set(times.values()) == {1}
        assert {card: cents for card, cents in here.balance_of().items() if card != "card-new"} == expected(day)


def test_malformed_records_stop_no_service(ws: Connection):
    fine = {"type": "PaymentMade", "card": "card-1", "terminal": "t", "amount_cents": 99_000, "payment_id": "p"}
    fine["at"] = "2018-05-01T10:00:00+00:00"
    rubbish: list[bytes | None] = [None, b"", b"\xff", b"[]", b'{"type": "PaymentMade"}']
    wrong = (
        {"card": None},
        {"card": 5},
        {"card": "\ud800"},
        {"payment_id": ["p"]},
        {"amount_cents": -1},
        {"at": "then"},
    )
    absurd = ({"amount_cents": 10**400}, {"at": "0001-01-01T00:00:00+14:00"}, {"at": "9999-12-31T23:59:59-14:00"})
    rubbish += [json.dumps({**fine, **change, "payment_id": f"absurd-{n}"} | change).encode()
                for n, change in enumerate((*wrong, *absurd))]  # fmt: skip
    with shop(ws) as here:
        debits, alerts = here.run("debits"), here.run("fraud_alerts")
        with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
            for value in [*rubbish, json.dumps(fine).encode()]:
                producer.send(here.payments, value=value, key=b"card-1")
            producer.flush()
        wait_until(lambda: services.answered(ws, here.debits)["p"], PATIENCE, "the payment after the rubbish", every=0.3,
                   detail=lambda: debits.processes.tail(debits.name))  # fmt: skip
        found = wait_until(lambda: consume.read_all(ws, here.alerts), PATIENCE, "the alert", every=0.3,
                           detail=lambda: alerts.processes.tail(alerts.name))  # fmt: skip
        assert parse(found[-1].value).payment_id == "p"
        assert services.answered(ws, here.debits)["p"] == 1
        unreadable = rubbish[: -len(absurd)]  # absurd values are answered: such an amount is declined
        letters = dead_letters.read(ws.kafka, here.letters)
        assert [(one.topic, one.offset, one.service) for one in letters] == [
            (here.payments, number, "debits") for number in range(len(unreadable))
        ]
        assert [(one.key, one.value) for one in letters] == [(b"card-1", value) for value in unreadable]
        assert f'events_total{{type="set_aside"}} {len(unreadable)}.0' in debits.get("/metrics").text


def test_a_corrected_dead_letter_is_processed_once_although_it_is_replayed_twice(
    ws: Connection,
):
    wrong = b'{"type": "PaymentMade", "card": "card-1", "terminal": "t", "amount_cents": "12,50", '
    wrong += b'"at": "2018-05-01T10:00:00+00:00", "payment_id": "p"}'
    with shop(ws) as here:
        debits = here.run("debits")
        with closing(KafkaProducer(**ws.kafka, acks="all", max_request_size=1_048_576)) as producer:
            producer.send(here.payments, value=b"x" * 1_040_000, key=b"card-1")
            producer.send(here.payments, value=wrong, key=b"card-1")
            producer.flush()
        seen = wait_until(lambda: _two(dead_letters.read(ws.kafka, here.letters)), PATIENCE, "two letters", every=0.3,
                          detail=lambda: debits.processes.tail(debits.name))  # fmt: skip
        large, mine = seen
        assert (large.whole, mine.whole) == (False, True)
        assert "amount_cents is '12,50'" in mine.reason
        debits.kill()
        for _ in range(2):
            dead_letters.replay(ws.kafka, mine, mine.value.replace(b'"12,50"', b"1250"))
        here.run("debits")
        here.wait_for_answers(1)
        publish(ws, here.payments, [PaymentMade("card-1", "t", 5, datetime.now(UTC), "last")])
        here.wait_for_answers(2)
        assert services.answered(ws, here.debits) == {"p": 1, "last": 1}
        assert here.balance_of() == {"card-1": OPENING_CENTS - 1255}
        assert len(dead_letters.read(ws.kafka, here.letters)) == 2


def test_without_kafka_it_lives_is_not_ready_and_refuses_payments_with_a_reason(ws: Connection):
    nowhere = f"127.0.0.1:{_free_port()}"
    with shop(ws) as here, httpx.Client(timeout=30) as client:
        pay, debits = here.run("payments", KAFKA_BOOTSTRAP=nowhere), here.run("debits", KAFKA_BOOTSTRAP=nowhere)
        for pod in (pay, debits):
            wait_until(pod.alive, PATIENCE, f"{pod.name} to answer")
            assert pod.get("/readyz").status_code == 503
        refused = pay.post(client, "order")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        pay.processes.signal(pay.name, signal.SIGTERM)
        assert pay.process.wait(timeout=60) in (0, None)


def _two(letters: list) -> list:
    return letters if len(letters) == 2 else []


def expected(day: list) -> dict[str, int]:
    accounts: dict[str, Account] = {}
    for payment in day:
        account = accounts.get(payment.card, Account())
        accounts[payment.card] = fold(decide(account, command_for(payment)), account)
    return {card: account.balance_cents for card, account in accounts.items()}


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
