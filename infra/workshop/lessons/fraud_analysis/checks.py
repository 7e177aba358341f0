"""Checks of lesson 05."""

from __future__ import annotations

import json
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from kafka.errors import KafkaError

from workshop.domain.fraud.features import NAMES
from workshop.domain.fraud.period_truth import score
from workshop.kafka import admin, consume
from workshop.kafka.produce import publish
from workshop.lessons.fraud_analysis import bursts as unseen_bursts
from workshop.lessons.fraud_analysis import unseen
from workshop.lessons.fraud_analysis.unseen_cards import Phase, phases
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

CHECKED = 5  # cards per day that the investigators can check
WEEKS = (datetime(2018, 7, 1), datetime(2018, 9, 24))
BY_HEART = 1.6  # a score that finds so many times more among known payments than among unseen ones knows their answers
ENOUGH = 12  # bursts that must be found
ALARMS = 6  # false alarms that are accepted
LONGEST = 31  # days
PATIENCE = 60  # seconds until `watch` must return


@exercise("05.1", "five cards a day")
def investigators(rank: Any, seen: pd.DataFrame, table: pd.DataFrame, fraud: np.ndarray) -> str:
    """Check the five highest-ranked cards of each day of unseen payments: how many had a fraud that day?"""
    unanswered(rank is None, observed="`rank` is None", expected="a function: `rank(seen)` returns a score per payment")
    _expect_function(rank, "rank", "rank(seen)")
    known = _scores(rank, seen[list(NAMES)])
    new = unseen.half_year()
    scores = _scores_of_unseen(rank, new.seen)
    _expect_a_score_of_its_own(rank, new.seen, scores)
    found, days = hits(new.table, new.fraud, scores)
    before, _ = hits(table, fraud, known)
    expect(
        before <= max(BY_HEART * found, CHECKED),
        observed=f"{before} cards with a fraud among the payments of this notebook, but {found} among unseen payments",
        expected="about as many in both",
        hint="your score knows the labels of this notebook by heart: was a model trained on `fraud`? "
        "On the day of a payment, its label is not known",
    )
    counts = {name: hits(new.table, new.fraud, new.seen[name].to_numpy())[0] for name in NAMES}
    best = max(counts, key=lambda name: counts[name])
    expect(
        found > counts[best],
        observed=f"of {CHECKED * days} cards that were checked in {days} days of unseen payments, {found} had a fraud",
        expected=f"more than {counts[best]}, which the single column `{best}` finds",
        hint="combine two signals: a strange amount *or* a bad terminal. Bring both to a common scale; "
        "then take the larger one, or the sum",
    )
    return (
        f"of {CHECKED * days} cards that were checked in {days} days of unseen payments, {found} had a fraud; "
        f"the best single column, `{best}`, finds {counts[best]}"
    )


def _expect_function(answer: Any, name: str, form: str) -> None:
    expect(
        callable(answer),
        observed=f"`{name}` is a {type(answer).__name__}",
        expected=f"a function, `def {form}:`",
        hint=f"Python must be able to call it: `{form}`",
    )


def _scores(rank: Callable, seen: pd.DataFrame) -> np.ndarray:
    answer = rank(seen.copy())
    expect(
        answer is not None,
        observed="`rank` returned None",
        expected="one number for each payment",
        hint="does the function end with `return`?",
    )
    if isinstance(answer, pd.Series) and len(answer) == len(seen) and set(answer.index) == set(seen.index):
        answer = answer.reindex(seen.index)  # a sorted answer belongs to the same payments
    try:
        scores = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        expect(False, observed="`rank` returned values that are no numbers", expected="one number for each payment")
    scores = scores.ravel() if scores.size == len(seen) else scores
    number = 1 if scores.ndim == 0 else len(scores)
    expect(
        scores.shape == (len(seen),),
        observed=f"`rank` returned {number:,} value{'' if number == 1 else 's'} for {len(seen):,} payments",
        expected="one number for each payment",
        hint="use only the columns of the argument of `rank`; other tables belong to other payments",
    )
    bad = int((~np.isfinite(scores)).sum())
    expect(
        not bad,
        observed=f"{bad:,} of {len(seen):,} scores are NaN or infinite",
        expected="a finite number for each payment",
        hint="a division by 0, or a look-up in a table of other payments, gives such values",
    )
    return scores


def _scores_of_unseen(rank: Callable, seen: pd.DataFrame) -> np.ndarray:
    try:
        return _scores(rank, seen)
    except (LookupError, ValueError, TypeError) as error:
        said = str(error).splitlines()[0][:100] if str(error) else ""
        expect(
            False,
            observed=f"`rank` works for the payments of this notebook, but not for unseen payments "
            f"({type(error).__name__}: {said})",
            expected="a score from the columns of its argument only",
            hint="it looks something up in another table, such as `at_once`, `fraud` or `table`: "
            "that knowledge does not exist while a payment is made",
        )
        raise


def _expect_a_score_of_its_own(rank: Callable, seen: pd.DataFrame, scores: np.ndarray) -> None:
    half = len(seen) // 2
    again = _scores(rank, seen.iloc[:half])
    expect(
        np.allclose(again, scores[:half]),
        observed="the score of a payment changes when later payments are hidden",
        expected="a score that can be computed while the payment is made",
        hint="look at this payment's features only, not at the column's mean, maximum or rank",
    )


def hits(table: pd.DataFrame, fraud: np.ndarray, scores: np.ndarray) -> tuple[int, int]:
    """Return the number of checked cards with a fraud on that day, and the number of days."""
    at = table["at"]
    rows = ((at >= WEEKS[0]) & (at < WEEKS[1])).to_numpy()
    days = at[rows].dt.date
    frame = pd.DataFrame({"day": days, "card": table["customer"][rows], "score": scores[rows], "fraud": fraud[rows]})
    best = frame.groupby(["day", "card"], observed=True).max().reset_index()
    checked = best.sort_values(["day", "score"], ascending=[True, False], kind="stable").groupby("day").head(CHECKED)
    return int(checked["fraud"].sum()), checked["day"].nunique()


@exercise("05.2", "bursts")
def bursts(find: Any) -> str:
    """Call the function for fifty unseen cards of different rates, twenty of which have a burst."""
    unanswered(find is None, observed="`find_burst` is None", expected="a function of one card's payments")
    _expect_function(find, "find_burst", "find_burst(one_card)")
    cards = unseen_bursts.cards()
    found = _found(find, cards.payments)
    longest = (found["last"] - found["first"]).dt.days.max() if len(found) else 0
    expect(
        longest <= LONGEST,
        observed=f"a period of {longest} days: that is the card's life, not a period",
        expected=f"at most {LONGEST} days",
        hint="a burst lasts three days: count the payments in each window of three days",
    )
    expect(
        not len(found) or (found["first"] <= found["last"]).all(),
        observed="a period that ends before it begins",
        expected="(first, last), in this order",
        hint="`rolling(3)` counts the day and the two days before it: the window ends at its label",
    )
    result = score(found, cards.bursts)
    alarms = result.found - result.matched
    said = f"{result.matched} of {result.true} bursts were found, with {alarms} false alarm{'' if alarms == 1 else 's'}"
    expect(
        result.matched >= ENOUGH,
        observed=said,
        expected=f"at least {ENOUGH} bursts",
        hint="the amounts are ordinary; the number of payments in three days is not. "
        "A limit that suits a busy card is too high for a quiet one",
    )
    expect(
        alarms <= ALARMS,
        observed=said,
        expected=f"at most {ALARMS} false alarms on {len(cards.payments)} cards",
        hint=f"in three days a quiet card usually makes {unseen_bursts.usual_in_a_burst(unseen_bursts.QUIET)} payments, "
        f"and a busy one {unseen_bursts.usual_in_a_burst(unseen_bursts.BUSY)}. What is usual for *this* card?",
    )
    return f"{said}, on {len(cards.payments)} unseen cards"


def _found(find: Callable, payments: dict[str, pd.DataFrame]) -> pd.DataFrame:
    rows = [(card, *period) for card, mine in payments.items() if (period := _period(find(mine.copy())))]
    frame = pd.DataFrame(rows, columns=["customer", "first", "last"])
    return frame.astype({"first": "datetime64[ms]", "last": "datetime64[ms]"})


def _period(answer: Any) -> tuple | None:
    """Return first and last time of an answer, or None."""
    if answer is None:
        return None
    form = "None, or a tuple of two times: `(first, last)`"
    sized = isinstance(answer, tuple | list | np.ndarray | pd.Series | pd.Index)
    expect(sized and len(answer) == 2, observed=f"`find_burst` returned {_short(answer)}", expected=form)
    try:
        times = [pd.Timestamp(time) for time in answer]
    except (TypeError, ValueError):
        expect(False, observed=f"`find_burst` returned {_short(answer)}", expected=form)
    expect(
        all(time == time and time.year >= 2018 for time in times),  # NaT differs from itself; a number is near 1970
        observed=f"`find_burst` returned {_short(answer)}: that is no time of a payment",
        expected=form,
        hint="`.idxmax()` gives the day of the largest count, `.max()` the count",
    )
    return tuple(time.tz_localize(None) if time.tzinfo else time for time in times)


def _short(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 80 else f"{text[:77]}…"


@exercise("05.3", "a service that warns")
def watcher(ws: Connection, watch: Any) -> str:
    """Fill an unseen topic, run the service twice with more payments in between, and compare the alerts."""
    unanswered(watch is None, observed="`watch` is None", expected="a function: `watch(incoming, alerts, group)`")
    _expect_function(watch, "watch", "watch(incoming, alerts, group)")
    first, second = phases()
    with _topics(ws) as (incoming, alerts):
        group = f"watch-{uuid.uuid4().hex[:6]}"
        publish(ws, incoming, first.payments)
        _serve(ws, watch, incoming, alerts, group)
        once = _alerts(ws, alerts)
        expect(
            once,
            observed=f"{len(first.payments)} payments were in the topic; no alert was published",
            expected=f"{len(first.suspicious)} alerts",
            hint='a new group starts at the end: `auto_offset_reset="earliest"`. A producer sends in the background: '
            "`flush()` or `close()` it",
        )
        _compare(once, first)
        publish(ws, incoming, second.payments)
        _serve(ws, watch, incoming, alerts, group)
        both = _alerts(ws, alerts)
        new = [record for record in both if not first.card_of(record["payment_id"])]
        repeated = len(both) - len(new) - len(once)
        expect(
            not repeated,
            observed=f"started again in the same group, it published {repeated} alert{'' if repeated == 1 else 's'} again",
            expected="an alert for new payments only",
            hint="commit the offsets: `consumer.commit()` after the alert is written. And use the given `group`",
        )
        _compare(new, second, "started again in the same group: ")
    return (
        f"{len(first.suspicious)} alerts for {len(first.payments)} payments; started again after "
        f"{len(second.payments)} more, {len(second.suspicious)} more alerts and none twice"
    )


@contextmanager
def _topics(ws: Connection) -> Iterator[tuple[str, str]]:
    names = ws.fresh_topic("unseen-payments"), ws.fresh_topic("unseen-alerts")
    try:
        yield names
    finally:
        admin.delete_topics(ws.kafka, lambda name: name in names)


class _TooLong(BaseException):
    """`watch` did not return; no `except Exception` of an answer catches it."""


def _serve(ws: Connection, watch: Callable, incoming: str, alerts: str, group: str) -> None:
    """Call `watch`; if it has changed nothing, once more.

    Joining the group counts as time without a payment, and may outlast the five seconds on a busy machine. A service is
    started again in such a case.
    """
    before = _done(ws, alerts, group)
    _run(watch, incoming, alerts, group)
    if _done(ws, alerts, group) == before:
        _run(watch, incoming, alerts, group)


def _done(ws: Connection, alerts: str, group: str) -> tuple[dict, int]:
    """Return the committed offsets of the group, without those at the beginning, and the number of alerts."""
    with closing(ws.admin()) as client:
        offsets = client.list_group_offsets([group]).get(group, {})
    # A consumer that has got a position and no record commits the beginning when it is closed.
    return {place: one.offset for place, one in offsets.items() if one.offset > 0}, len(consume.read_all(ws, alerts))


def _run(watch: Callable, incoming: str, alerts: str, group: str) -> None:
    """Call `watch`, at most for PATIENCE seconds."""
    try:
        with _at_most(PATIENCE):
            watch(incoming, alerts, group)
    except KafkaError as error:
        expect(
            False,
            observed=f"`watch` ended with an error of the Kafka client: {type(error).__name__}: {error}",
            expected="it reads `incoming` and writes to `alerts`",
            hint="are `incoming`, `alerts` and `group` written without quotes, and is `**ws.kafka` given to each client?",
        )
    except _TooLong:
        expect(
            False,
            observed=f"`watch` did not return within {PATIENCE} seconds",
            expected="it returns when no payment has arrived for 5 seconds",
            hint="`consumer_timeout_ms=5_000` ends the loop `for record in consumer`",
        )


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise _TooLong in the block after some seconds; signals reach the main thread only, where notebooks run cells."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def too_long(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _alerts(ws: Connection, topic: str) -> list[dict]:
    """Return the alerts in order of writing, each with its key as `key`."""
    found = []
    for record in sorted(consume.read_all(ws, topic), key=lambda record: record.timestamp):
        try:
            fields = json.loads(record.value or b"")
        except ValueError:
            fields = None
        expect(
            isinstance(fields, dict) and "payment_id" in fields,
            observed=f"an alert with the value {_short(record.value)}",
            expected="a JSON object with `payment_id`, as bytes",
            hint='`json.dumps({"payment_id": payment["payment_id"]}).encode()`',
        )
        found.append({**fields, "key": record.key})
    return found


def _compare(found: list[dict], phase: Phase, begin: str = "") -> None:
    wanted, flagged = set(phase.suspicious), Counter(record["payment_id"] for record in found)
    wrong = sorted(flagged.keys() - wanted)
    expect(
        not wrong,
        observed=f"{begin}{len(wrong)} payments were flagged that are ordinary"
        if len(wrong) != 1
        else f"{begin}1 payment was flagged that is ordinary",
        expected="only payments of more than ten times the previous payment of the same card",
        hint=f"one of them: {phase.story_of(wrong[0]) if wrong else ''}",
    )
    missing = sorted(wanted - flagged.keys())
    expect(
        not missing,
        observed=f"{begin}{len(missing)} of {len(wanted)} suspicious payments were not flagged",
        expected="an alert for each",
        hint=f"one of them: {phase.story_of(missing[0]) if missing else ''}",
    )
    expect(
        max(flagged.values(), default=1) == 1,
        observed=f"{begin}{sum(count - 1 for count in flagged.values())} alerts were published twice",
        expected="one alert per suspicious payment",
    )
    keyless = [record for record in found if record["key"] != phase.card_of(record["payment_id"]).encode()]
    expect(
        not keyless,
        observed=f"an alert has the key {_short(keyless[0]['key']) if keyless else ''}",
        expected="the card as the key of each alert, so that the alerts of one card stay in order",
        hint="`producer.send(alerts, key=record.key, value=...)`",
    )


questions = quick_questions(
    "05",
    Question(
        "c",
        a="Such a detector exists: it flags nothing. Almost all payments are genuine, so it is right almost always.",
        b="Speed does not matter before you know whether the detector finds any fraud.",
        c="Yes: precision says how many of its warnings are right, recall how many of the frauds it finds.",
    ),
    Question(
        "b",
        a="More data helps, but not this: the labels of the last week would still be missing in real life.",
        b="Yes: each score may use only what was known at that moment. Reports have a time of their own, so a replay of both "
        "topics in order of time gives exactly that.",
        c="A random split mixes days: the model then learns from reports that come after the payments it judges.",
    ),
    Question(
        "a",
        a="Yes: the alert is repeated, but none is lost. The payment_id lets readers drop the second one.",
        b="The order decides. The alert was written *before* the commit, so it exists.",
        c="Only a Kafka transaction, or a reader that drops duplicates, gives that. Two separate requests can be separated "
        "by a crash.",
    ),
)
