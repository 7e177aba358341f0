"""The checks of lesson 10: right answers pass, each mistake gets its own words."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from workshop.domain.retail.stock import OrderRefused, PlaceOrder, StockReceived, StockReserved
from workshop.lessons.healthcare_and_retail import checks, compensation, design_check, designs, stock_keeping
from workshop.lessons.healthcare_and_retail.compensation_check import expect_compensation
from workshop.lessons.healthcare_and_retail.stock_keeping import Decision, Ordered
from workshop.notebook.exercises import Verdict, exercise


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


def observed(verdict: Verdict) -> str:
    return dict(verdict.lines)["observed"]


def hint(verdict: Verdict) -> str:
    return dict(verdict.lines).get("hint", "")


# Exercise 1


class Outbox:
    """A topic that is a list; it is its own producer."""

    def __init__(self) -> None:
        self.producer, self.records = self, []

    def send(self, topic: str, key: bytes | None, value: bytes | None) -> SimpleNamespace:
        self.records.append((key, value))
        return SimpleNamespace(get=lambda timeout: None)

    def since_last(self) -> list:
        found, self.records = self.records, []
        return found


@exercise("10.1", "tried on a list")
def compensated(answer: Callable) -> str:
    return expect_compensation(answer, Outbox())


FIND = "SELECT coalesce(sum(cents), 0) FROM movements WHERE id = ?"


def tell(producer: Any, order: str, cents: int, key: str = "") -> Any:
    value = json.dumps({"type": "PaymentRefunded", "order": order, "cents": cents}).encode()
    return producer.send("payments", key=(key or order).encode(), value=value)


def paid_of(database: Any, order: str) -> int:
    return database.execute(FIND, [f"pay-{order}"]).fetchone()[0]


def refund(database: Any, order: str, cents: int, insert: str = "INSERT OR IGNORE", name: str = "") -> None:
    with database:
        database.execute(f"{insert} INTO movements VALUES (?, ?, ?)", [name or f"refund-{order}", order, cents])


def right(database: Any, producer: Any, event: dict) -> None:
    if event["type"] == "StockMissing":
        paid = paid_of(database, event["order"])
        refund(database, event["order"], -paid)
        tell(producer, event["order"], paid).get(timeout=20)


def event_first(database: Any, producer: Any, event: dict) -> None:
    if event["type"] == "StockMissing":
        paid = paid_of(database, event["order"])
        tell(producer, event["order"], paid)
        producer.flush()
        refund(database, event["order"], -paid)


def by_cursor(database: Any, producer: Any, event: dict) -> None:
    if event["type"] == "StockMissing":
        cursor = database.cursor()
        paid = cursor.execute(FIND, [f"pay-{event['order']}"]).fetchone()[0]
        row = [f"refund-{event['order']}", event["order"], -paid]
        cursor.executemany("INSERT OR REPLACE INTO movements VALUES (?, ?, ?)", [row])
        database.commit()
        with producer:
            tell(producer, event["order"], paid)


@pytest.mark.parametrize("answer", [right, event_first, by_cursor])
def test_an_idempotent_compensation_passes_each_time(answer: Callable):
    for _ in range(2):
        verdict = compensated(answer)
        assert verdict.word == "passed", str(verdict)
        assert observed(verdict).startswith("9.95 € of 2 orders went back to the customers, each once")


def test_a_kill_is_tried_at_each_step():
    run = compensation.try_out(right, Outbox(), compensation.MISSING)
    assert run.steps == [
        "before the SELECT",
        "before the INSERT",
        "before the commit in the database",
        "after the commit in the database",
        "before `send`",
        "after the acknowledgement of the record",
    ]
    for number, step in enumerate(run.steps):
        killed = compensation.try_out(right, Outbox(), compensation.MISSING, die_at=number)
        assert (killed.killed, killed.balance(compensation.MISSING)) == (step, 0)


def only_missing(work: Callable[[Any, Any, str, int], None]) -> Callable:
    """Return a compensation that handles `StockMissing` with order and paid cents."""

    def answer(database: Any, producer: Any, event: dict) -> None:
        if event["type"] == "StockMissing":
            work(database, producer, event["order"], paid_of(database, event["order"]))

    return answer


@only_missing
def for_each_delivery(database: Any, producer: Any, order: str, paid: int) -> None:
    refund(database, order, -paid, name=f"refund-{order}-{uuid.uuid4()}" if paid else "")
    tell(producer, order, paid).get()


@only_missing
def not_before_payment(database: Any, producer: Any, order: str, paid: int) -> None:
    if paid:
        refund(database, order, -paid)
        tell(producer, order, paid).get()


@only_missing
def silent_when_repeated(database: Any, producer: Any, order: str, paid: int) -> None:
    if not database.execute("SELECT 1 FROM movements WHERE id = ?", [f"refund-{order}"]).fetchone():
        refund(database, order, -paid)
        tell(producer, order, paid).get()


@only_missing
def without_waiting(database: Any, producer: Any, order: str, paid: int) -> None:
    refund(database, order, -paid)
    tell(producer, order, paid)


@only_missing
def without_commit(database: Any, producer: Any, order: str, paid: int) -> None:
    database.execute("INSERT OR IGNORE INTO movements VALUES (?, ?, ?)", [f"refund-{order}", order, -paid])
    tell(producer, order, paid).get()


@only_missing
def without_ignore(database: Any, producer: Any, order: str, paid: int) -> None:
    refund(database, order, -paid, insert="INSERT")
    tell(producer, order, paid).get()


@only_missing
def deletes(database: Any, producer: Any, order: str, paid: int) -> None:
    with database:
        database.execute("DELETE FROM movements WHERE id = ?", [f"pay-{order}"])
    tell(producer, order, paid).get()


@only_missing
def wrong_sign(database: Any, producer: Any, order: str, paid: int) -> None:
    refund(database, order, paid)
    tell(producer, order, paid).get()


@only_missing
def another_key(database: Any, producer: Any, order: str, paid: int) -> None:
    refund(database, order, -paid)
    tell(producer, order, paid, key="cup").get()


@only_missing
def a_dict(database: Any, producer: Any, order: str, paid: int) -> None:
    refund(database, order, -paid)
    producer.send("payments", key=order.encode(), value={"order": order}).get()


@only_missing
def no_event(database: Any, producer: Any, order: str, paid: int) -> None:
    refund(database, order, -paid)


def every_event(database: Any, producer: Any, event: dict) -> None:
    right(database, producer, {**event, "type": "StockMissing"})


DONE: set[str] = set()


@only_missing
def remembers(database: Any, producer: Any, order: str, paid: int) -> None:
    if order not in DONE:
        DONE.add(order)
        refund(database, order, -paid)
        tell(producer, order, paid).get()


@pytest.mark.parametrize(
    ("answer", "said", "advice"),
    [
        (for_each_delivery, "o-101 was refunded 3 times", "INSERT OR IGNORE"),
        (not_before_payment, "the stock of o-103 was missing before its payment; 12.50 €", "0 cents"),
        (silent_when_repeated, "killed after the commit in the database, started again: no event", "still missing"),
        (without_waiting, "no event says that o-101 was refunded", "fills a buffer only"),
        (without_commit, "the stock of o-101 is missing, and 9.90 € of the customer", "commits"),
        (without_ignore, "raised IntegrityError", "came twice"),
        (deletes, "the row pay-o-101 is gone", "for ever"),
        (wrong_sign, "after the refund the till holds 19.80 € of o-101", "-990"),
        (another_key, "another key than its order", "stay in order"),
        (a_dict, "raised TypeError: the value of a record is bytes, not dict", "as_json"),
        (no_event, "no event says that o-101 was refunded", ""),
        (every_event, "o-102 was paid and nobody said `StockMissing`", 'event["type"]'),
        (remembers, "in a second run, on a new and empty database", "lost its memory"),
    ],
)
def test_each_mistake_in_a_compensation_has_its_words(answer: Callable, said: str, advice: str):
    verdict = compensated(answer)
    assert verdict.word == "not yet"
    assert said in observed(verdict)
    assert advice in hint(verdict)


def test_no_function_is_no_answer():
    assert checks.compensation(None, "payments", None).word == "unanswered"
    assert observed(checks.compensation(None, "payments", 5)) == "`compensate` is 5, no function"


def test_the_tills_statement_is_the_notebooks():
    with sqlite3.connect(":memory:") as database:
        database.execute(compensation.TABLE)
        for _ in range(2):
            database.execute(compensation.TAKE, {"order": "o-1", "cents": 5})
        database.execute("INSERT INTO movements VALUES ('refund-o-2', 'o-2', 0)")
        database.execute(compensation.TAKE, {"order": "o-2", "cents": 5})
        assert database.execute("SELECT id FROM movements").fetchall() == [("pay-o-1",), ("refund-o-2",)]


# Exercise 2


class Shop(stock_keeping.Shop):
    """A shop whose topics are lists."""

    def __init__(self, ordered: Iterable[Ordered] = (), decisions: Iterable[Decision] = ()) -> None:
        self._orders, self._decisions = list(ordered), list(decisions)
        self._opening = [StockReceived(name, count, f"o-{name}") for name, count in stock_keeping.STOCK.items()]

    def decided(self) -> list[Decision]:
        return self._decisions

    def ordered(self) -> list[Ordered]:
        return self._orders

    def decide_all(self) -> None:
        """All is decided already."""

    def new_try(self) -> None:
        """There is one try."""

    def checked(self) -> None:
        """There is one try."""


def answers(sell: Callable[[str, int], bool], decider: Callable[[str, int], int]) -> list[Decision]:
    """Return a decision about each order; `sell` gets the article and how many were sold of it."""
    sold = dict.fromkeys(stock_keeping.STOCK, 0)
    found = []
    for number, order in enumerate(stock_keeping.fifty_orders()):
        good = sell(order.article, sold[order.article])
        sold[order.article] += good
        kind = StockReserved if good else OrderRefused
        found.append(Decision(kind(order.article, 1, order.reference), decider(order.article, number)))
    return found


def fits(article: str, sold: int) -> bool:
    return sold < stock_keeping.STOCK[article]


def own(article: str, number: int) -> int:
    return sorted(stock_keeping.STOCK).index(article)


def sent(key: Callable[[PlaceOrder], bytes | None], partition: Callable[[str, int], int] = own) -> list[Ordered]:
    orders = stock_keeping.fifty_orders()
    return [Ordered(order, partition(order.article, number), key(order)) for number, order in enumerate(orders)]


def article(order: PlaceOrder) -> bytes:
    return order.article.encode()


def alternating(article: str, number: int) -> int:
    return number % 2


def same(article: str, number: int) -> int:
    return 1


@pytest.mark.parametrize(
    ("ordered", "decisions", "word", "said"),
    [
        (sent(article), answers(fits, own), "passed", "21 reserved, 29 refused; no stock below 0; 3 deciders at work"),
        (sent(lambda order: None), answers(fits, own), "passed", "3 deciders at work"),
        (
            sent(lambda order: order.article[:1].encode() * 2, same),
            answers(fits, same),
            "not yet",
            "all 50 orders are in partition 1",
        ),
        (sent(article), answers(lambda article, sold: True, own), "not yet", "cocoa: 14 sold of 5, the stock is -9"),
        (sent(article), answers(fits, alternating), "not yet", "2 deciders decided about"),
        (sent(article), answers(fits, own)[:-2], "not yet", "2 of 50 orders have no answer, such as order-"),
        (sent(lambda order: b"shop", same), answers(fits, same), "not yet", "all 50 orders are in partition 1"),
        (sent(article, same), answers(fits, same), "not yet", "one decider has all the work"),
        ([], [], "unanswered", "no order was sent"),
    ],
)
def test_no_oversale(ordered: list[Ordered], decisions: list[Decision], word: str, said: str):
    verdict = checks.no_oversale(Shop(ordered, decisions))
    assert verdict.word == word
    assert said in observed(verdict)


def test_keys_that_the_hash_puts_into_one_partition_are_no_mistake():
    keys = {"cocoa": b"cocoa", "coffee": b"coffee", "tea": b"cocoa"}  # partition 1 of 3, both
    verdict = checks.no_oversale(Shop(sent(lambda order: keys[order.article], same), answers(fits, same)))
    assert (verdict.word, "by the luck of the hash" in observed(verdict)) == ("passed", True)


def test_a_shop_is_asked_for():
    assert "set-up cell" in hint(checks.no_oversale(None))


# Exercise 3


class Published:
    """A topic of a design as a list, with the same encryption as the real one."""

    def __init__(self, ws: None, events: list[dict], key: str, personal: set[str]) -> None:
        self._key, self._personal, self._forgotten = key, personal, False
        self._events = [designs.as_stored(event) for event in [*(e for one in events for e in (one, one)), *events]]

    def forget_everybody(self) -> int:
        self._forgotten = True
        return len({tuple(event.get(name) for name in self._personal) for event in self._events})

    def read(self) -> list[designs.Delivered]:
        found = []
        for event in self._events:
            plain = {name: value for name, value in event.items() if name not in self._personal}
            raw = json.dumps(plain, ensure_ascii=False).encode()
            hidden = dict.fromkeys(self._personal & set(event)) if self._forgotten else {}
            found.append(designs.Delivered(str(event[self._key]), {**event, **hidden}, raw, 0))
        return found


@pytest.fixture
def on_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design_check, "Published", Published)


def booked(state: dict, event: dict) -> dict:
    seen = state.get("seen", [])
    if event["id"] in seen:
        return state
    nights = {"RoomBooked": event.get("nights"), "StayCorrected": event.get("nights"), "GuestLeft": 0}
    return {"nights": nights[event["type"]], "seen": [*seen, event["id"]]}


EVENTS = [
    {"type": "RoomBooked", "id": "1", "room": 7, "guest": "Ada Byron", "nights": 2},
    {"type": "RoomBooked", "id": "2", "room": 8, "guest": "Bob Martin", "nights": 1},
    {"type": "StayCorrected", "id": "3", "room": 8, "corrects": "2", "nights": 4},
    {"type": "GuestLeft", "id": "4", "room": 7},
    {"type": "RoomBooked", "id": "5", "room": 7, "guest": "Bob Martin", "nights": 3},
]
DESIGN = {"events": EVENTS, "key": "room", "personal": ["guest"], "evolve": booked}


def events(number: int, **change: object) -> dict:
    """Return the design with changed fields in one event."""
    return {"events": [{**event, **change} if place == number else event for place, event in enumerate(EVENTS)]}


@pytest.mark.usefixtures("on_a_list")
def test_a_design_passes_each_time_and_says_what_stays_readable():
    for _ in range(2):
        verdict = checks.design(None, DESIGN)
        assert verdict.word == "passed", str(verdict)
        assert "15 records of 5 events" in observed(verdict)
        assert observed(verdict).endswith("Readable for ever: the keys 7, 8")


def counts(state: dict, event: dict) -> dict:
    return {"nights": state.get("nights", 0) + (event.get("nights") or 0)}


def ignores_corrections(state: dict, event: dict) -> dict:
    return state if event["type"] == "StayCorrected" else booked(state, event)


def needs_names(state: dict, event: dict) -> dict:
    return {**state, event["id"]: event.get("guest", "x").upper(), "nights": event.get("nights")}


def random(state: dict, event: dict) -> dict:
    return {**booked(state, event), "chance": uuid.uuid4().hex}


@pytest.mark.usefixtures("on_a_list")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"events": EVENTS[:3]}, "3 events"),
        ({"events": [*EVENTS, "RoomBooked"]}, "event 6 is 'RoomBooked'"),
        ({"key": 5}, "design['key'] is 5"),
        ({"evolve": None}, "design['evolve'] is None"),
        (events(1, id="1"), "1 ids are used twice"),
        (events(0, type="BookRoom"), "`BookRoom` asks for something"),
        (
            events(0, type="BicycleTaken")
            | {
                "events": [{**e, "type": "BicycleTaken"} for e in EVENTS[:2]]
                + [{**e, "type": "BicycleReturned"} for e in EVENTS[2:]]
            },
            "are events of the example",
        ),
        ({"key": "nights"}, "`GuestLeft` has no field `nights`"),
        ({"key": "id"}, "5 events with 5 different keys"),
        ({"personal": []}, "`personal` has no field"),
        ({"personal": ["age"]}, "`personal` has ['age'], which no event has"),
        ({"personal": ["guest", "id"]}, "`personal` has ['id']"),
        ({"personal": ["guest", "room"]}, "the key `room` is personal"),
        ({"events": [{**event, "room": 7} for event in EVENTS]}, "all 5 events have the key '7'"),
        (
            {
                "events": [{**event, "guest": "Ada" if event["room"] == 7 else "Bob"} for event in EVENTS],
                "key": "guest",
                "personal": ["nights"],
            },
            "the keys are 'Ada', 'Bob': they name people",
        ),
        ({"events": [{**event, "mail": f"{event['room']}@b.org"} for event in EVENTS], "key": "mail"}, "name people"),
        ({"events": [{k: v for k, v in event.items() if k != "corrects"} for event in EVENTS]}, "no event has a field"),
        (events(2, corrects="9"), "corrects '9', which is no earlier event"),
        (events(2, corrects="1"), "has the key 8, and the event that it corrects 7"),
        ({"evolve": ignores_corrections}, "without `StayCorrected` (3) the states are the same"),
        ({"evolve": counts}, "each event came three times"),
        ({"evolve": random}, "two replays of the same records differ"),
        ({"evolve": lambda state, event: None}, "returned None for '7'"),
        ({"evolve": needs_names}, "after the people were forgotten"),
        (events(3, note="Ada Byron left"), "'Ada Byron' (guest) stands unencrypted"),
    ],
)
def test_each_mistake_in_a_design_has_its_words(change: dict, said: str):
    verdict = checks.design(None, {**DESIGN, **change})
    assert verdict.word == "not yet"
    assert said in observed(verdict)


def test_an_empty_design_is_no_answer():
    assert checks.design(None, {}).word == "unanswered"
    assert observed(checks.design(None, [1])) == "`design` is a list"
