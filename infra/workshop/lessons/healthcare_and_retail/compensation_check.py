"""The judgement of exercise 10.1: the movements of the till and the events after each run of the plan."""

from __future__ import annotations

from numbers import Number
from typing import Any

from workshop.lessons.healthcare_and_retail.compensation import (
    KEPT,
    LATE,
    MISSING,
    ORDERS,
    REFUNDED,
    Compensate,
    Outbox,
    Run,
    try_out,
)
from workshop.lessons.healthcare_and_retail.pictures import euros
from workshop.notebook.exercises import expect

EVENT = 'an event {"type": "PaymentRefunded", "order": ..., "cents": ...} with the order as its key, in `payment_topic`'
IDEMPOTENT = (
    "the row of an order has the id `refund-<order>`, so `INSERT OR IGNORE` writes it once, whatever comes twice"
)
KILLED = (
    "the killed service has not committed its offset, so it gets the event again: do then what is still missing, the row "
    "or the event"
)
MEMORY = "a process that was killed has lost its memory: keep what was done in the database only"
LATE_HINT = (
    "when `StockMissing` comes first, no row `pay-<order>` is there yet: write the row `refund-<order>` with 0 cents "
    "all the same; `take` looks for this row, and then takes nothing"
)


def expect_compensation(compensate: Compensate, outbox: Outbox) -> str:
    """Run the plan without a kill, on a second new database, and with a kill at each step; return what was seen."""
    plain = try_out(compensate, outbox)
    _expect_right(plain, "")
    _expect_right(try_out(compensate, outbox), "in a second run, on a new and empty database: ", MEMORY)
    kills = 0
    for order in (MISSING, LATE):
        for number in range(len(try_out(compensate, outbox, order).steps)):
            run = try_out(compensate, outbox, order, die_at=number)
            kills += bool(run.killed)
            _expect_right(run, f"killed {run.killed}, started again: ", KILLED)
    back = euros(sum(REFUNDED.values()) / 100)
    return (
        f"{back} of {len(REFUNDED)} orders went back to the customers, each once, in {kills + 2} runs with duplicates, late "
        f"events and {kills} kills; the order whose payment came late was not charged"
    )


def _expect_right(run: Run, when: str, hint: str = "") -> None:
    expect(
        not run.trouble,
        observed=f"{when}`compensate` raised {run.trouble}",
        expected="no error: the service would get the same event again and again",
        hint=_hint_for(run.trouble) or hint,
    )
    odd = next((name for name, (_, cents) in run.rows.items() if not isinstance(cents, Number)), None)
    expect(odd is None, observed=f"{when}the row {odd} has no number of cents", expected="whole cents", hint="")
    _expect_payments_stay(run, when)
    for order, cents in REFUNDED.items():
        _expect_balance(run, order, when, hint, cents)
    for order, cents in KEPT.items():
        left = run.balance(order)
        expect(
            left == cents,
            observed=f"{when}{order} was paid and nobody said `StockMissing`; the till holds {euros(left / 100)} of it",
            expected=euros(cents / 100),
            hint='look at `event["type"]`, and refund only the order in `event["order"]`',
        )
    _expect_late(run, when)
    _expect_events(run, when, hint)


def _hint_for(trouble: str) -> str:
    if "IntegrityError" in trouble:
        return f"the same event came twice; {IDEMPOTENT}"
    if "bytes" in trouble:
        return "key and value are bytes: `order.encode()`, and `as_json(...)` for a dict"
    return ""


def _expect_payments_stay(run: Run, when: str) -> None:
    for order, cents in {**REFUNDED, **KEPT}.items():
        row = run.rows.get(f"pay-{order}")
        expect(
            row == (order, cents),
            observed=f"{when}the row pay-{order} is {'gone' if row is None else 'changed'}",
            expected="a second movement beside the first one",
            hint="the payment has happened, and the books say so for ever: add a movement with the negative amount",
        )


def _expect_balance(run: Run, order: str, when: str, hint: str, cents: int) -> None:
    left = run.balance(order)
    rows = [name for name, (number, _) in run.rows.items() if number == order]
    refunds = sum(number == order and name != f"pay-{order}" for name, (number, _) in run.rows.items())
    if left == cents:
        said = f"the stock of {order} is missing, and {euros(left / 100)} of the customer are still in the till"
        hint = hint or "write the row `refund-<order>` with the negative amount, in `with database:`, which commits"
    elif refunds > 1:
        said, hint = f"{order} was refunded {refunds} times", IDEMPOTENT
    else:
        said = f"after the refund the till holds {euros(left / 100)} of {order}"
        hint = f"a refund has the negative cents of the row `pay-<order>`: -{cents}"
    expect(left == 0, observed=f"{when}{said}", expected="0.00 € for this order", hint=hint)
    expect(
        f"refund-{order}" in rows,
        observed=f"{when}the movements of {order} are {', '.join(sorted(rows))}",
        expected=f"pay-{order} and refund-{order}",
        hint="`take` looks for this id",
    )


def _expect_late(run: Run, when: str) -> None:
    left, paid = run.balance(LATE), run.rows.get(f"pay-{LATE}")
    if left < 0:
        observed = f"{when}{LATE} was refunded {euros(-left / 100)}, and its customer had paid nothing"
    else:
        taken = euros((paid[1] if paid else left) / 100)
        observed = f"{when}the stock of {LATE} was missing before its payment; {taken} were taken afterwards"
    expect(left == 0 and not paid, observed=observed, expected="no payment for this order", hint=LATE_HINT)


def _expect_events(run: Run, when: str, hint: str) -> None:
    told = run.refunds()
    if run.unsent:
        hint = (
            "`send` fills a buffer only. The service commits its offset when your function returns; a kill then loses the "
            "record. Wait for the acknowledgement: `.get(timeout=20)`"
        )
    for order, cents in REFUNDED.items():
        mine = [event for _, event in told if event.get("order") == order]
        expect(mine, observed=f"{when}no event says that {order} was refunded", expected=EVENT, hint=hint)
        wrong = next((event for event in mine if not _same(event.get("cents"), cents)), None)
        expect(
            wrong is None,
            observed=f"{when}the event of {order} has cents {wrong.get('cents')!r}" if wrong else "",
            expected=f"{cents}, each time",
            hint="read the amount from the row `pay-<order>`, also when the event comes again",
        )
    others = [event for _, event in told if event.get("order") not in (*REFUNDED, LATE)]
    expect(
        not others,
        observed=f"{when}an event says that {others[0].get('order') if others else ''} was refunded, which is not so",
        expected=f"events of {' and '.join(REFUNDED)} only",
        hint='compensate where `event["type"]` is `StockMissing`',
    )
    late = next((e for _, e in told if e.get("order") == LATE and not _same(e.get("cents"), 0)), None)
    expect(
        late is None,
        observed=f"{when}an event says that {LATE} got {late.get('cents') if late else 0} cents back; it had paid nothing",
        expected="0 cents, or no event",
        hint=f"an order of {ORDERS[LATE]} cents that nobody paid",
    )
    keyless = next((event.get("order") for key, event in told if key != event.get("order")), None)
    expect(
        keyless is None,
        observed=f"{when}the event of {keyless} has another key than its order",
        expected=EVENT,
        hint="`key=order.encode()`: events of one order stay in order",
    )


def _same(found: Any, cents: int) -> bool:
    is_number = isinstance(found, Number) and not isinstance(found, bool)
    return is_number and bool(cents == found)
