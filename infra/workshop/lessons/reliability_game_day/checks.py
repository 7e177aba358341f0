"""Checks of lesson 09: a reconciliation of logs with planted faults, a policy for records that fail, a customer's program."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

from workshop.domain.payments import MalformedEvent, parse
from workshop.domain.payments.events import AccountDebited
from workshop.kafka import consume
from workshop.lessons.reliability_game_day import experiments as lesson
from workshop.lessons.reliability_game_day import planted, policy_trial
from workshop.lessons.reliability_game_day.front import SCRIPTS, Attempt, Front
from workshop.lessons.reliability_game_day.planted import Planted
from workshop.lessons.reliability_game_day.policy_trial import RECORDS, Trial
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

NAMES = ("lost", "twice", "wrong", "strangers")
SETS = "a dict with four sets of ids: lost, twice, wrong, strangers"
TAKE = "a function: take(record, debit, set_aside)"
PAY = "a function: pay(url, order)"


@exercise("09.1", "a reconciliation that finds what equal sums hide")
def reconciliation(ws: Connection, answer: Any) -> str:
    """Call the answer with two logs with faults, and with one without."""
    unanswered(answer is None, observed="`reconcile` is None", expected="a function: reconcile(ledger, debits)")
    expect(callable(answer), observed=f"`reconcile` is {answer!r}", expected="a function: reconcile(ledger, debits)")
    for seed in (1, 2):
        case = planted.with_faults(seed)
        _judge_planted(case, _asked(answer, case.ledger, planted.publish_debits(ws, case.debits)))
    case = planted.without_faults(3)
    found = _asked(answer, case.ledger, planted.publish_debits(ws, case.debits))
    told = ", ".join(f"{name} {_ids(found[name])}" for name in NAMES if found[name])
    expect(
        not told,
        observed=f"in a log without a fault you found: {told}",
        expected="four empty sets",
        hint=f"{case.unwritten} has the outcome unknown and no debit, {case.written} is unknown and debited once: "
        "nothing was promised about either",
    )
    return (
        f"in two logs of {planted.PAYMENTS} payments you found one loss, two doubles, two wrong amounts and a stranger "
        "each; the sums of ledger and log were equal"
    )


def _judge_planted(case: Planted, found: Mapping[str, set]) -> None:
    expect(
        any(found.values()),
        observed="you found nothing: equal sums hide a loss and a double",
        expected=f"lost: {_ids(case.lost)}, twice: {_ids(case.twice)} and more",
        hint="join on ids: for each id of the ledger, what is in the log?",
    )
    _judge_lost(case, found["lost"])
    expect(
        case.unknown_twice in found["twice"],
        observed=f"twice: {_ids(found['twice'])}; {case.unknown_twice} is missing: its outcome is unknown, and it was "
        "debited twice",
        expected=f"twice: {_ids(case.twice)}",
        hint="a customer who does not know the outcome must not pay twice either: count the debits of every id",
    )
    hints = {
        "twice": "`Counter(debit.payment_id for debit in debits)` counts the debits of each id",
        "wrong": "compare `debit.amount_cents` with the `cents` of the ledger's entry with this id",
        "strangers": "ids in the log that are in no entry of the ledger",
    }
    for name, hint in hints.items():
        right = getattr(case, name)
        expect(
            found[name] == right,
            observed=f"{name}: {_ids(found[name])}",
            expected=f"{name}: {_ids(right)}",
            hint=hint,
        )


def _judge_lost(case: Planted, lost: set) -> None:
    expect(
        case.written not in lost,
        observed=f"you say that {case.written} is lost: its request timed out, and it was written and debited",
        expected="lost is what was acknowledged and is not in the log",
        hint="a time-out means: I do not know",
    )
    expect(
        case.unwritten not in lost,
        observed=f"you say that {case.unwritten} is lost: it timed out, and nobody told the customer that it was paid",
        expected="lost is what was *acknowledged* and is not in the log",
        hint='look at `entry["outcome"]`',
    )
    expect(
        lost == case.lost,
        observed=f"lost: {_ids(lost)}",
        expected=f"lost: {_ids(case.lost)}",
        hint="ids that were acknowledged, minus ids in the log",
    )


def _ids(found: Any) -> list:
    return sorted(found, key=str)


def _asked(answer: Callable, ledger: list[dict], debits: list) -> dict[str, set]:
    found = answer([dict(entry) for entry in ledger], list(debits))
    if isinstance(found, tuple) and len(found) == len(NAMES):
        found = dict(zip(NAMES, found, strict=True))
    expect(
        isinstance(found, Mapping) and set(found) == set(NAMES),
        observed=f"reconcile(...) returned {found!r}"[:200],
        expected=SETS,
        hint='`return {"lost": …, "twice": …, "wrong": …, "strangers": …}`',
    )
    sets = {name: set(ids) if isinstance(ids, set | frozenset | list | tuple) else None for name, ids in found.items()}
    odd = next((name for name, ids in sets.items() if ids is None or not all(isinstance(one, str) for one in ids)), "")
    expect(
        not odd,
        observed=f"{odd}: {found.get(odd)!r}"[:200],
        expected="a set of ids; an id is text, as in the ledger",
    )
    return {name: ids or set() for name, ids in sets.items()}


@exercise("09.2", "a policy for records that fail")
def policy(ws: Connection, take: Any) -> str:
    """Let a reader use the policy on a topic with five kinds of poison, while brokers freeze for a moment."""
    unanswered(take is None, observed="`take` is None", expected=TAKE)
    expect(callable(take), observed=f"`take` is {take!r}", expected=TAKE)
    return _judge_policy(policy_trial.try_out(ws, take))


def _judge_policy(trial: Trial) -> str:
    _judge_progress(trial)
    _judge_letters(trial)
    _judge_debits(trial)
    _judge_reasons(trial)
    kinds = ", ".join(trial.kinds.values())
    return (
        f"{len(trial.expected)} payments debited once each, also the one whose broker was away; {len(trial.kinds)} dead "
        f"letters ({kinds}), each with its reason; nothing waits"
    )


def _judge_progress(trial: Trial) -> None:
    kind = trial.kinds.get(trial.at)
    expect(
        trial.at == RECORDS,
        observed=f"the reader is still at offset {trial.at}, and all records behind it wait"
        + (f"; the record is poison ({kind})" if kind else "")
        + (f"; `take` raised {trial.error}" if trial.error else ""),
        expected=f"offset {RECORDS}, the end of the partition",
        hint="poison is as unreadable at the next attempt: set it aside. `debit` raises MalformedEvent for every kind of it"
        if kind
        else "this payment is readable: `debit(record)` once, then return",
    )


def _judge_letters(trial: Trial) -> None:
    there = Counter(one.offset for one in trial.aside)
    good = sorted(offset for offset in there if offset in trial.expected)
    away = [offset for offset in good if offset in trial.away]
    expect(
        not away,
        observed=f"the payment at offset {away[:1]} is among the dead letters: its broker was away for a second "
        f"({trial.away.get(away[0]) if away else ''})",
        expected="this payment debited: a moment later the broker answers again",
        hint="which errors will be the same tomorrow? Catch only those; what you raise is tried again",
    )
    vanished = sorted(offset for offset in trial.kinds if not there[offset])
    expect(
        not vanished,
        observed=f"{len(vanished)} vanished: offset {vanished[:1]} ({trial.kinds.get(vanished[0]) if vanished else ''}) "
        "is neither debited nor set aside",
        expected="each poison message among the dead letters",
        hint="`set_aside(record, reason)` must succeed before `take` returns: it too can meet a broker that is away",
    )
    expect(
        not good and max(there.values()) == 1,
        observed=f"{sum(there.values())} dead letters, for the offsets {sorted(there.elements())[:8]}",
        expected=f"the {len(trial.kinds)} that nobody can read, once each",
        hint="a payment that is debited needs no dead letter, and one letter for each poison message is enough",
    )


def _judge_debits(trial: Trial) -> None:
    offsets = {one: offset for offset, one in trial.expected.items()}
    twice = sorted(offsets[one] for one, times in trial.debited.items() if times > 1 and one in offsets)
    expect(
        not twice,
        observed=f"{len(twice)} payments were debited more than once, such as the one at offset {twice[:1]}",
        expected="each of them debited once",
        hint="`debit(record)` writes a debit at each call that returns",
    )
    missing = sorted(offset for one, offset in offsets.items() if not trial.debited[one])
    expect(
        not missing,
        observed=f"{len(missing)} readable payments were not debited, such as the one at offset {missing[:1]}"
        + (", whose broker was away for a second" if missing[:1] == [policy_trial.AWAY_AT_A_DEBIT] else ""),
        expected="each of them debited",
        hint="call `debit(record)` first; and do not swallow an error: what you raise is tried again",
    )


def _judge_reasons(trial: Trial) -> None:
    reasons = [one.reason for one in trial.aside]
    expect(
        len(set(reasons)) == len(reasons) and all(reason.strip() for reason in reasons),
        observed=f"the reasons are {sorted(set(reasons))}"[:200] + f", for {len(reasons)} different kinds of poison",
        expected="why this record could not be read: the person who corrects it wants to know",
        hint="`str(error)` says it",
    )


@exercise("09.3", "a customer's program")
def customer(ws: Connection, pay: Any) -> str:
    """Let the program pay two equal orders through a front that loses answers and refuses requests."""
    unanswered(pay is None, observed="`pay` is None", expected=PAY)
    expect(callable(pay), observed=f"`pay` is {pay!r}", expected=PAY)
    card = f"card-{uuid.uuid4().hex[:8]}"
    order = {"card": card, "terminal": "terminal-00001", "amount_cents": 420}
    returned = []
    with Front(ws.payments) as front:
        for number in range(len(SCRIPTS)):
            front.order = number
            returned.append(_called(pay, front, dict(order)))
        attempts = list(front.attempts)
    _judge_attempts(attempts)
    lesson.wait_for_debits(ws)
    written, debited = (_ids_of(ws, topic, card) for topic in ("payments", "debits"))
    _judge_effect(attempts, written, debited, returned)
    return (
        f"{len(attempts)} requests for {len(SCRIPTS)} equal orders: two answers were lost and {_refused(attempts)} requests "
        f"refused; {written.total()} records in `payments`, {debited.total()} debits"
    )


PATIENCE = 90.0  # seconds for one order


def _called(pay: Callable, front: Front, order: dict) -> object:
    """Return what the program returns; it runs in a thread, because a wrong one may never end."""
    found: list[object] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            found.append(pay(front.url, order))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="pay", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    made = sum(attempt.order == front.order for attempt in front.attempts)
    expect(
        not thread.is_alive(),
        observed=f"`pay` has not returned after {PATIENCE:g} s and {made} requests",
        expected="it returns when the answer is 201",
        hint="201 is `answer.status_code`; after it, `return`",
    )
    expect(
        not errors,
        observed=f"`pay` raised {type(errors[0]).__name__} at request {made}: {errors[0]}"[:240] if errors else "",
        expected="it sends the order again when there is no answer (`requests.RequestException`) or a 503",
        hint="`try:` around the request, a loop around both",
    )
    return found[0]


def _judge_attempts(attempts: list[Attempt]) -> None:
    for number, script in enumerate(SCRIPTS):
        own = [attempt for attempt in attempts if attempt.order == number]
        last = own[-1] if own else None
        expect(
            last,
            observed=f"no POST arrived for order {number + 1}",
            expected="a POST to `url`",
            hint="`requests.post(url, json=order, headers=…, timeout=…)`",
        )
        refused = next((one.status for one in own if 400 <= one.status < 500), 0)
        expect(
            not refused,
            observed=f"`payments` refused order {number + 1} with {refused}",
            expected="201",
            hint="send the order as it is: `json=order`; a key has 1 to 200 printable ASCII characters",
        )
        expect(
            len(own) > len(script),
            observed=f"`pay` gave up after {len(own)} request(s) for order {number + 1}: the last one was answered with "
            + ("nothing" if own[-1].status == 201 else "503"),
            expected="it goes on until the answer is 201",
            hint="no answer means that the outcome is unknown, and 503 means: try again",
        )
    pauses = [max(0.0, after.at - before.until) for before, after in pairwise(attempts) if after.order == before.order]
    expect(
        sum(pauses) >= LEAST_PAUSE * len(pauses),
        observed=f"{1000 * sum(pauses) / len(pauses):.0f} ms on average between an answer and the next request: a failing "
        "service is hit as fast as the client can",
        expected="a pause before each further attempt",
        hint="`time.sleep(pause)` with the pauses of section 3",
    )


LEAST_PAUSE = 0.03  # seconds on average: jitter may make single pauses short, and a busy machine only makes them longer


def _judge_effect(attempts: list[Attempt], written: Counter, debited: Counter, returned: list) -> None:
    orders, times = len(SCRIPTS), debited.total()
    keys = [{attempt.key for attempt in attempts if attempt.order == number} for number in range(orders)]
    expect(
        times >= orders,
        observed=f"{times} debit for {orders} orders: the key of the second order is the key of the first",
        expected=f"{orders} debits: a customer who orders two coffees pays two",
        hint="a key names one order: make a new one at each call of `pay`",
    )
    expect(
        times == orders,
        observed=f"{times} debits for {orders} orders: " + _why_twice(keys),
        expected=f"{orders} debits",
        hint="make the key once, before the loop, and send it with each attempt: "
        '`headers={"Idempotency-Key": key}`, `key = str(uuid4())`',
    )
    expect(
        [one for one in returned if one in debited] == returned and len(set(returned)) == orders,
        observed=f"`pay` returned {returned!r}"[:200],
        expected=f"the id of each payment, such as {sorted(written)[:1]}",
        hint='`return answer.json()["payment_id"]`',
    )


def _why_twice(keys: list[set]) -> str:
    if any(None in some for some in keys):
        return "a request without a key is a new payment"
    return "the answer to a payment was lost, and its next attempt had another key"


def _refused(attempts: list[Attempt]) -> int:
    return sum(attempt.status != 201 for attempt in attempts)


def _ids_of(ws: Connection, topic: str, card: str) -> Counter:
    """Return the number of records of each payment of a card in a topic."""
    found: Counter = Counter()
    for record in consume.read_all(ws, topic, isolation_level="read_committed"):
        if record.key == card.encode():
            with suppress(MalformedEvent):
                event = parse(record.value)
                if topic == "payments" or isinstance(event, AccountDebited):
                    found[event.payment_id] += 1
    return found


questions = quick_questions(
    "09",
    Question(
        "c",
        a="A time-out is not an answer. The payment may be in the log, and then the customer has paid.",
        b="With a new key it is a new payment. If the first one was written, the customer pays twice.",
        c="The key names the payment. If it was written before, `debits` knows its id and ignores the second record.",
    ),
    Question(
        "b",
        a="The record is good. Among the dead letters it is debited late or never: set aside only what fails every time.",
        b="A moment later the broker answers again. Because payment ids are remembered, a second attempt is safe.",
        c="Then the payment is acknowledged and never debited: it is lost.",
    ),
    Question(
        "d",
        a="What is lost without a word logs nothing.",
        b="A loss and a double of the same amount give equal sums.",
        c="Equal numbers hide a loss and a double too.",
        d="Only a join on ids, with outcome and amount, shows for each payment what became of it.",
    ),
)
