"""Checks of lesson 11: they run the attendee's job on unseen topics and judge what it wrote to Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from workshop.base.errors import WorkshopError
from workshop.kafka.consume import read_all
from workshop.lessons.stream_processing import applications, experiments, unseen
from workshop.lessons.stream_processing.completion import Stop
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

SHARE = 0.99
TOO_LONG = 10  # minutes
WINDOW = "a dict with `start` and `value`, as a window of Quix Streams is"


@exercise("11.1", "more than 500 € in one hour")
def alarms(ws: Connection, answer: Any) -> str:
    """Run the job on an unseen log with late payments; compare the last record of each card and hour."""
    unanswered(answer is None, observed="`alarms` is None", expected="a function: `alarms(app, payments, alerts)`")
    _expect_function(answer, "alarms(app, payments, alerts)")
    rows = unseen.busy_cards()
    payments, alerts = experiments.send(ws, rows, "unseen-payments"), ws.fresh_topic("unseen-alerts")
    _run(ws, answer, "alarms", (payments,), alerts)
    found = _windows(ws, alerts)
    right = unseen.alarms(rows)
    expect(
        found,
        observed="the job wrote no record to `alerts`",
        expected=f"a record for each of {len(right)} hours with more than 500 €",
        hint="the last line of the job: `.to_topic(app.topic(alerts, key_serializer='str'))`",
    )
    _expect_windows(found, right, rows)
    late = int((rows["arrival"] > rows["at"]).sum())
    return f"{len(right)} hours of {rows['card'].nunique()} unseen cards, to the cent; {late} payments arrived late"


def _expect_windows(found: dict[tuple[str, int], Any], right: dict[tuple[str, int], int], rows: pd.DataFrame) -> None:
    hours = set(zip(rows["card"], rows["hour"], strict=True))
    odd = sorted(place for place in found if place not in hours)
    expect(
        not odd,
        observed=f"a record is for {_place(odd[0]) if odd else ''}, where no full hour of a card begins",
        expected="the card as key, and the start of a full hour in milliseconds",
        hint="windows that follow each other without overlap are tumbling windows; the time is that of the payment",
    )
    extra = sorted(set(found) - set(right))
    expect(
        not extra,
        observed=f"{len(extra)} records are for hours with 500 € or less, such as {_place(extra[0]) if extra else ''}",
        expected="only hours whose total is above 50,000 cents",
        hint="filter the windows, not the payments: `window['value'] > 50_000`",
    )
    missing, last = sorted(set(right) - set(found)), rows.groupby("card")["hour"].max().to_dict()
    open_ones = [place for place in missing if last[place[0]] == place[1]]
    expect(
        not missing or len(open_ones) < len(missing),
        observed=f"{len(missing)} of {len(right)} hours are missing; each is the last hour of its card",
        expected="these too",
        hint="section 5: a window closes when a later event arrives",
    )
    wrong = [place for place in right if place in found and found[place] != right[place]]
    expect(
        not wrong and not missing,
        observed=f"{len(missing)} of {len(right)} hours are missing, and {len(wrong)} have another total: "
        + ", ".join(
            f"{_place(place)} has {found.get(place)!r}, not {right[place]}" for place in [*wrong, *missing][:1]
        ),
        expected="the sum of all payments of the hour, in cents",
        hint="some payments arrive after the first one of the next hour: section 6",
    )


@exercise("11.2", "the smallest grace")
def smallest_grace(ws: Connection, trains: str, rows: pd.DataFrame, answer: Any) -> str:
    """Run a job with the answer as its grace, and count what it counted."""
    form = "a number of minutes"
    unanswered(answer is None, observed="`grace` is None", expected=form)
    minutes = _minutes(answer)
    expect(
        minutes is not None and minutes >= 0,
        observed=f"`grace` is {answer!r}",
        expected=f"{form}, from 0 upwards",
    )
    assert minutes is not None
    needed = unseen.smallest_grace(rows, SHARE)
    expect(
        minutes < 60 * 24 * 365,
        observed=f"a grace of {minutes:,.0f} minutes is {minutes / 525_600:,.1f} years",
        expected=f"{form}; not milliseconds",
    )
    counted = _counted(ws, trains, timedelta(minutes=float(minutes)))
    lost = len(rows) - counted
    expect(
        counted >= SHARE * len(rows),
        observed=f"with a grace of {minutes:g} minutes, {counted} of {len(rows)} payments are in the sums: "
        f"{counted / len(rows):.1%}; {lost} were dropped",
        expected=f"at least {SHARE:.0%}",
        hint="a window closes when the newest payment of the same card is later than its end plus the grace",
    )
    expect(
        minutes <= needed + TOO_LONG,
        observed=f"{minutes:g} minutes are enough, and {minutes - needed:,.0f} more than needed",
        expected=f"at most {TOO_LONG} minutes more than needed",
        hint="not every late payment misses its window: how late is it after the newest payment of its card?",
    )
    return f"a grace of {minutes:g} minutes counts {counted} of {len(rows)} payments ({counted / len(rows):.1%})"


def _minutes(answer: Any) -> float | None:
    if isinstance(answer, np.timedelta64):  # counts as a number, of any unit
        answer = pd.Timedelta(answer)
    if isinstance(answer, timedelta):
        return answer.total_seconds() / 60
    if isinstance(answer, Real) and not isinstance(answer, bool) and answer == answer:  # not NaN
        return float(answer)
    return None


def _counted(ws: Connection, topic: str, grace: timedelta) -> int:
    """Return how many payments are in the windows that a job with this grace writes."""
    counts = ws.fresh_topic("counts")
    app = applications.endless(ws, experiments.new_group(ws, "grace"))
    with Stop(ws, app, (topic,), ws.settings.patience):
        stream = app.dataframe(app.topic(topic, key_deserializer="str"))
        windows = stream.tumbling_window(timedelta(hours=1), grace_ms=grace, on_late=lambda *late: False).count()
        windows.current().to_topic(app.topic(counts, key_serializer="str"))
        app.run()
    return sum(experiments.totals(ws, counts).values())


@exercise("11.3", "the limit at that time")
def as_of(ws: Connection, answer: Any) -> str:
    """Run the join on unseen topics; compare the limit of each payment."""
    form = "a function: `with_limits(app, payments, limits, checked)`"
    unanswered(answer is None, observed="`with_limits` is None", expected=form)
    _expect_function(answer, "with_limits(app, payments, limits, checked)")
    payments, limits, right = unseen.publish_limits(ws)
    checked = ws.fresh_topic("unseen-checked")
    topics = _run(ws, answer, "with_limits", (payments, limits), checked)
    records = [_json(record.value) for record in read_all(ws, checked)]
    found = [(str(one.get("payment_id")), one.get("limit_cents")) for one in records if isinstance(one, dict)]
    ids = [name for name, _ in found]
    expect(
        len(found) == len(records) and set(ids) <= set(right),
        observed="a record in `checked` is not one of the payments with its own fields",
        expected="each payment, with `payment_id` and all its fields, and `limit_cents`",
    )
    expect(
        set(ids) == set(right),
        observed=f"{len(set(ids))} of {len(right)} payments are in `checked`",
        expected="each of them, also those of cards without a limit yet",
        hint="which `how` keeps a payment for which no limit is found?",
    )
    expect(
        len(ids) == len(right),
        observed=f"{len(ids)} records for {len(right)} payments",
        expected="each payment once",
    )
    wrong = {name: limit for name, limit in found if right[name] != limit}
    name = min(wrong, default="")
    expect(
        not wrong,
        observed=f"{len(wrong)} limits are wrong; {name} has {wrong.get(name)!r}, not {right.get(name)!r}",
        expected="the limit that was valid at the time of the payment",
        hint="is it the newest limit, or one that the job had forgotten when a late payment came? `grace_ms`"
        if limits in topics
        else f"the job does not read the topic that the function gets as `limits`; it reads {', '.join(sorted(topics))}",
    )
    none = sum(limit is None for limit in right.values())
    return f"{len(right)} payments with the limit of their time; {none} came before the first limit of their card"


def _expect_function(answer: Any, form: str) -> None:
    expect(
        callable(answer),
        observed=f"{form.partition('(')[0]} is a {type(answer).__name__}",
        expected=f"a function, `def {form}:`",
    )


def _run(ws: Connection, build: Callable, name: str, inputs: tuple[str, ...], output: str) -> frozenset[str]:
    """Let the attendee's function describe a job, run it until it has read its input, and return the topics that it read."""
    app = applications.endless(ws, experiments.new_group(ws, "exercise"))
    try:
        with Stop(ws, app, inputs, ws.settings.patience) as stop:
            build(app, *inputs, output)
            if not stop.reached:  # a function that calls `app.run` itself has run the job already
                app.run()
    except WorkshopError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        expect(False, observed=f"`{name}` failed with {reason}", expected="a job that reads all payments")
    _expect_input(stop, inputs[0])
    return stop.topics


def _expect_input(stop: Stop, payments: str) -> None:
    expect(
        stop.topics or stop.reached,
        observed="the job ended before it had read a record",
        expected="a job that reads the topic `payments`",
        hint="the first line of the job: `app.dataframe(app.topic(payments, key_deserializer='str'))`",
    )
    if not stop.reached:
        raise WorkshopError("The job was interrupted before it had read its input.", "Run this cell again.")
    expect(
        payments in stop.topics,
        observed=f"the job reads the topic {', '.join(sorted(stop.topics))}",
        expected=f"the topic that the function gets as `payments`: {payments}",
        hint="a name of the notebook, instead of the function's own argument?",
    )


def _windows(ws: Connection, topic: str) -> dict[tuple[str, int], Any]:
    """Return the last value of each window by key and start."""
    found: dict[tuple[str, int], Any] = {}
    for record in read_all(ws, topic):
        value, key = _json(record.value), (record.key or b"").decode(errors="replace")
        expect(
            isinstance(value, dict) and {"start", "value"} <= set(value),
            observed=f"a record has the value {str(record.value)[:60]}",
            expected=WINDOW,
        )
        for name in ("start", "value"):
            expect(
                isinstance(value[name], Real),
                observed=f"the `{name}` of a record is {value[name]!r}",
                expected="a number: `start` in milliseconds since 1970, and `value` in cents",
            )
        found[key, value["start"]] = value["value"]
    return found


def _json(value: bytes | None) -> Any:
    try:
        return json.loads(value or b"")
    except ValueError:
        return None


def _place(place: tuple[str, int]) -> str:
    card, start = place
    try:
        return f"{card} at {datetime.fromtimestamp(start / 1000, UTC):%d %b %H:%M}"
    except (OverflowError, TypeError, ValueError):
        return f"{card} at {start!r}"


questions = quick_questions(
    "11",
    Question(
        "b",
        a="A restart reads nothing new: the window is open in the restored state too.",
        b="Right: only a later event tells the job that the time has passed.",
        c="Event time counts, and it moves with the events. The clock on the wall closes no window.",
    ),
    Question(
        "c",
        a="The state is in the changelog topic; the folder is only a fast copy of it.",
        b="It would work, but takes as long as the whole history. The changelog has only the newest value of each key.",
        c="Right: the changelog gives the state, and the offsets say where to go on.",
    ),
    Question(
        "a",
        a="Right: the time of the payment is the same at each replay.",
        b="The processing time is that of the replay: a year falls into some minutes.",
        c="This is a processing time too.",
    ),
)
