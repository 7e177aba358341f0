"""Checks of lesson 10."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from workshop.domain.healthcare import patient_event
from workshop.domain.healthcare.patient_file import PatientFile, files
from workshop.domain.retail.stock import OrderRefused, StockReceived, StockReserved
from workshop.ingest.log_publishing import replay_log
from workshop.lessons.healthcare_and_retail.experiments import CALLED_FROM
from workshop.lessons.healthcare_and_retail.stock_keeping import STOCK, Decision, Shop, fifty_orders
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered

LEAST_EVENTS, LEAST_READERS = 3, 2


@exercise("10.1", "a rule over everybody's past")
def called(ws: Connection, topic: str, answer: Any) -> str:
    """Compare the answer with a fold of the log, corrections included."""
    unanswered(answer is None, observed="`called` is None", expected="a dict: case to True or False")
    expect(
        isinstance(answer, Mapping),
        observed=f"`called` is a {type(answer).__name__}",
        expected="a dict: case to True or False",
    )
    found = files(map(patient_event, replay_log(ws, topic)))
    right = {case: _highest(file) >= CALLED_FROM for case, file in found.items()}
    missing = sorted(set(right) - set(answer))
    expect(
        not missing,
        observed=f"{len(answer):,} cases; missing {_some(missing)}",
        expected=f"all {len(right):,}, also those that nobody calls",
        hint="a case may be called NA: read names as text, from the topic; and a patient without a lactate is not called",
    )
    more = sorted(set(answer) - set(right), key=str)
    expect(
        not more,
        observed=f"{len(answer):,} cases, among them {_some(more)}, which the log does not have",
        expected=f"the {len(right):,} cases of the log",
    )
    wrong = sorted(case for case in right if answer[case] != right[case])
    expect(
        not wrong,
        observed=f"{len(wrong)} cases differ; {_why(found[wrong[0]], answer[wrong[0]]) if wrong else ''}",
        expected=f"True where a lactate, as it is known today, is {CALLED_FROM} or more",
        hint="`file.results('LacticAcid')` has every result; `result.value` is what is known today",
    )
    return f"{sum(right.values())} of {len(right):,} patients are called"


def _highest(file: PatientFile) -> Decimal:
    return max((result.value for result in file.results("LacticAcid")), default=Decimal(0))


def _why(file: PatientFile, answer: Any) -> str:
    corrected = [result for result in file.results("LacticAcid") if result.thought_before]
    told = f"case {file.patient} is {answer!r}, its highest lactate {_highest(file) or 'not known'}"
    return told + (f" (one was corrected, from {corrected[0].thought_before[0]})" if corrected else "")


def _some(names: list) -> str:
    return ", ".join(map(str, names[:3])) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


@exercise("10.2", "fifty orders at once")
def no_oversale(shop: Shop) -> str:
    """Let three deciders answer the orders in the topic, then fold every decision."""
    written = shop.decided()
    ordered = shop.ordered()
    unanswered(
        not ordered and all(isinstance(one.event, StockReceived) for one in written),
        observed="no order was sent",
        expected="fifty orders in `shop.orders`",
    )
    shop.decide_all()
    decisions = shop.decided()
    _expect_one_decider_each(decisions)
    _expect_nothing_oversold(shop.stock(), decisions)
    answered = Counter(one.event.reference for one in decisions if isinstance(one.event, StockReserved | OrderRefused))
    asked = {order.reference for order in fifty_orders()}
    silent = sorted(asked - set(answered))
    expect(
        not silent,
        observed=f"{len(silent)} of {len(asked)} orders have no answer, such as {_some(silent)}",
        expected="an answer to each: reserved, or refused",
        hint="whether there is enough is the decider's question; send every order",
    )
    sold = sum(isinstance(one.event, StockReserved) for one in decisions)
    return f"{len(asked)} orders answered: {sold} reserved, {len(asked) - sold} refused; no stock below 0"


def _expect_one_decider_each(decisions: list[Decision]) -> None:
    deciders = defaultdict(set)
    for one in decisions:
        if not isinstance(one.event, StockReceived):
            deciders[one.event.article].add(one.decider)
    shared = sorted(article for article, found in deciders.items() if len(found) > 1)
    expect(
        not shared,
        observed=f"{len(deciders[shared[0]]) if shared else 0} deciders decided about {shared[0] if shared else ''}, "
        "and none knew of the others",
        expected="one decider for each article",
        hint="what has the same key lies in the same partition: what must the orders of one article have in common?",
    )


def _expect_nothing_oversold(stock: Mapping[str, int], decisions: list[Decision]) -> None:
    below = sorted(article for article, left in stock.items() if left < 0)
    sold = sum(isinstance(one.event, StockReserved) and one.event.article in below[:1] for one in decisions)
    expect(
        not below,
        observed=f"{below[0] if below else ''}: {sold} sold of {STOCK.get(below[0]) if below else 0}, the stock stands at "
        f"{stock[below[0]] if below else 0}",
        expected="no stock below 0",
        hint="what was read before others wrote is old when you write: send the order, and let one decide",
    )


@exercise("10.3", "a design of your own")
def design(answer: Any) -> str:
    """Check the form only: whether the parts of the design fit together. Attendees discuss its quality."""
    unanswered(not answer, observed="`design` is empty", expected="a dict: events, key, readers, personal, corrects")
    expect(isinstance(answer, Mapping), observed=f"`design` is a {type(answer).__name__}", expected="a dict")
    parts = {"events": Mapping, "key": str, "readers": Mapping, "personal": list | tuple | set, "corrects": Mapping}
    for name, kind in parts.items():
        expect(
            isinstance(answer.get(name), kind),
            observed=f"design[{name!r}] is {answer.get(name)!r}",
            expected="what stands there in the example",
        )
    events, key = answer["events"], answer["key"]
    expect(len(events) >= LEAST_EVENTS, observed=f"{len(events)} events", expected=f"at least {LEAST_EVENTS}")
    without = sorted(name for name, fields in events.items() if key not in fields)
    expect(
        not without,
        observed=f"{_some(without)} has no field {key!r}",
        expected="the key in every event: it says who decides, and what stays in order",
    )
    _expect_readers(answer["readers"], events)
    fields = {field for names in events.values() for field in names}
    strange = sorted(set(answer["personal"]) - fields)
    expect(
        not strange,
        observed=f"{_some(strange)} is personal, and no event has it",
        expected="fields of your events, which you lock with a key for each person; none if there are none",
    )
    _expect_corrections(answer["corrects"], events)
    personal = ", ".join(sorted(set(answer["personal"]))) or "nothing"
    return f"{len(events)} events by {key}, {len(answer['readers'])} readers; personal: {personal}"


def _expect_readers(readers: Mapping, events: Mapping) -> None:
    expect(
        len(readers) >= LEAST_READERS,
        observed=f"{len(readers)} readers",
        expected=f"at least {LEAST_READERS}: with one alone, a table would do",
    )
    for reader, wanted in readers.items():
        unknown = sorted(set(wanted) - set(events))
        expect(
            wanted and not unknown,
            observed=f"{reader} reads {_some(unknown) or 'nothing'}" + (", which nobody writes" if unknown else ""),
            expected="events of yours",
        )


def _expect_corrections(corrects: Mapping, events: Mapping) -> None:
    unknown = sorted({*corrects, *corrects.values()} - set(events))
    expect(
        corrects and not unknown,
        observed=f"{_some(unknown)} is none of your events" if unknown else "nothing can be corrected",
        expected="an event that corrects, and the one that it corrects, both among your events",
        hint="people type wrongly in every field of life; nothing is overwritten",
    )
