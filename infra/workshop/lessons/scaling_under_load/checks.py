"""Checks of lesson 08: an autoscaler under changing load, and an attendee's scaler on a real lag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from workshop.lessons.scaling_under_load import autoscalers, day, delivery
from workshop.lessons.scaling_under_load.consumers import lag_scaler
from workshop.lessons.scaling_under_load.declared import FORM, SET_UP, declared
from workshop.lessons.scaling_under_load.numbers import whole
from workshop.lessons.scaling_under_load.observations import CAPACITY, Scaled, within
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

NORMAL, RUSH, HEAVY = ("normal", 8, 10), ("rush", 12, 30), ("heavy", 80, 50)  # name, seconds, payments per second
SLOW = 1.0  # seconds; about three times the latency of a payment without a queue
STRONG, PINNED = 10.0, 20.0  # seconds with enough replicas, or with the maximum, after which the heavy load ends
LAST = 8.0  # seconds at its end that are judged
WAITING = 600  # lag at the start of the lag scaler
EACH = 200  # payments that one replica may have waiting
PARTITIONS = 3
LAGS = {0: 1, 1: 1, 200: 1, 201: 2, 400: 2, 401: 3, 600: 3, 100_000: 3}  # the replicas for these lags


@exercise("08.1", "minimum and maximum")
def bounds(ws: Connection, answer: Any = None) -> str:
    """Play normal load, a sudden rush, then heavy load for longer, and measure the latency."""
    numbers = declared(answer)
    delivery.expect_slow_network(ws)
    found = autoscalers.every(ws)
    unanswered(not numbers and not found, observed="there is no autoscaler, and `bounds` is None", expected=FORM)
    given = autoscalers.manifest(*numbers) if numbers else _the_only(found)
    _expect_thrift(autoscalers.bounds(given)[0])
    with autoscalers.trial(ws, given):
        seen = day.run_day(ws, [NORMAL, RUSH, HEAVY], enough=_enough)
        [now] = autoscalers.of_payments(autoscalers.every(ws))
    _expect_no_trouble(autoscalers.trouble(now), seen)
    return _judged(seen)


def _the_only(found: list[dict]) -> dict:
    """Return the only autoscaler of `payments`."""
    ours = autoscalers.of_payments(found)
    targets = ", ".join(f"{one['metadata']['name']} scales {autoscalers.target_of(one)}" for one in found)
    expect(
        len(ours) == 1,
        observed=targets,
        expected="exactly one autoscaler of deployment/payments",
        hint=f"`scaleTargetRef` names what is scaled. {SET_UP}",
    )
    _, most = autoscalers.bounds(ours[0])
    expect(most <= 6, observed=f"maxReplicas is {most}", expected="at most 6: this machine has no room for more")
    return ours[0]


def _enough(seen: Scaled) -> bool:
    """End the heavy load once enough replicas have been ready for a while, or no more can come."""
    begin, now = seen.marks[2][0], seen.end
    for seconds, count in ((STRONG, HEAVY[2] / CAPACITY), (PINNED, seen.most)):
        since = max(begin, now - seconds)
        if now - seconds >= begin and min(within(seen.ready, since, now), default=0) >= count:
            return True
    return False


def _expect_no_trouble(trouble: str, seen: Scaled) -> None:
    expect(
        not trouble or max((count for _, count in seen.wished), default=0) > seen.least,
        observed=f"the autoscaler did nothing. Its status: {trouble}",
        expected="an autoscaler that reads the processor time of the pods",
        hint=f"compare your manifest with `autoscaler.yaml`. {SET_UP}",
    )


def _judged(seen: Scaled) -> str:
    (begin, _), (middle, _), end = *seen.marks[1:], min(seen.end, seen.load.planned)
    usual, rush, late = seen.p95(2, begin), seen.p95(begin + 2, middle), seen.p95(end - LAST, end)
    least, most = seen.least, seen.most
    # If the capacity was sufficient and customers waited nevertheless, the machine was busy; the answer is not wrong.
    expect(
        rush <= SLOW or least * CAPACITY > RUSH[2],
        observed=f"p95 was {rush:.1f} s within the rush: {least * CAPACITY:g} a second fit, {RUSH[2]} came",
        expected=f"at most {SLOW:.1f} s, from the first second of the rush on",
        hint="a new container needs a while: what is there at the minimum must carry the rush alone",
    )
    expect(
        late <= SLOW or most * CAPACITY > HEAVY[2],
        observed=f"p95 was still {late:.1f} s at the end of the heavy load: pinned at {most} replicas, the queue grew",
        expected=f"at most {SLOW:.1f} s",
        hint=f"one replica takes {CAPACITY:g} a second; how many take {HEAVY[2]}, with something to spare?",
    )
    expect(
        late <= SLOW or seen.wished_capacity(middle, end) > HEAVY[2],
        observed=f"p95 was still {late:.1f} s at the end of the heavy load: the autoscaler did not ask for enough replicas",
        expected=f"at most {SLOW:.1f} s",
        hint="your bounds allow enough. Is the target utilization low enough to notice the load? Section 3 has the number",
    )
    failed = int((seen.load.answers()["status"] != 201).sum())
    expect(
        not failed,
        observed=f"{failed} payments failed",
        expected="0",
        hint="your numbers carry the load, the machine was too busy: run the check once more when less else runs",
    )
    return (
        f"with {least} to {most} replicas, p95 was {usual:.2f} s normally, {rush:.2f} s in the rush, and {late:.2f} s at the "
        "end of the heavy load; 0 failed"
    )


def _expect_thrift(least: int) -> None:
    expect(
        least * CAPACITY < HEAVY[2],
        observed=f"{least} replicas would run all day, enough for the heavy load: nothing was scaled",
        expected="a minimum for the rush, and the rest only when it is needed",
        hint="what runs at night for nothing is paid for all the same",
    )


@exercise("08.2", "replicas by lag")
def by_lag(ws: Connection, desired: Any) -> str:
    """Let payments wait; every two seconds `desired(lag)` returns the number of replicas of `debits`."""
    form = "a function: desired(lag) -> replicas"
    unanswered(desired is None, observed="`desired` is None", expected=form)
    expect(callable(desired), observed=f"`desired` is {desired!r}", expected=form)
    expect_numbers(desired)
    return _judged_lag(lag_scaler(ws, desired, WAITING))


def expect_numbers(desired: Callable) -> None:
    """Ask the function for the replicas at several lags, before the cluster is bothered."""
    tried = {lag: desired(lag) for lag in LAGS}
    wrong = {lag: n for lag, n in tried.items() if whole(n) is None}
    none = any(n is None for n in wrong.values())
    expect(
        not wrong,
        observed="; ".join(f"desired({lag}) is {n!r}" for lag, n in [*wrong.items()][:3]),
        expected="a whole number of replicas for any lag",
        hint="does the function `return` its result?"
        if none
        else "`math.ceil` makes a whole number, and never too small a one",
    )
    counts = {lag: whole(n) or 0 for lag, n in tried.items()}
    expect(
        counts[0] >= 1,
        observed=f"desired(0) is {counts[0]}: nobody would be there for the next payment",
        expected="at least 1 replica",
        hint="`max(1, ...)`",
    )
    expect(
        counts[100_000] <= PARTITIONS,
        observed=f"desired(100000) is {counts[100_000]}: {counts[100_000]} pods, {PARTITIONS} partitions",
        expected=f"never more than {PARTITIONS}: the others would have nothing to read",
        hint="cap it: `min(3, ...)`",
    )
    for lag, count in LAGS.items():
        _expect_replicas(lag, counts[lag], count)


def _expect_replicas(lag: int, given: int, right: int) -> None:
    if given < right:
        load = f"{lag / given:g} would wait for each" if given else "nobody would read"
        hint = f"one replica may have {EACH} waiting, not {EACH + 1}: round up"
    else:
        load, hint = f"{right} can do it", f"how many have at most {EACH} waiting each?"
    expect(
        given == right,
        observed=f"desired({lag}) is {given}: {load}",
        expected=f"{right}, if one replica may have {EACH} waiting",
        hint=hint,
    )


def _judged_lag(table: pd.DataFrame) -> str:
    last = table.iloc[-1]
    expect(
        last["lag"] == 0 and last["replicas"] == 1,
        observed=f"in the end {last['lag']:.0f} payments waited, and {last['replicas']:.0f} replicas were there",
        expected="0 waiting, and 1 replica again",
        hint="your function is right, but `debits` was too slow: `kubectl get pods` shows whether its pods are ready. "
        "Run the check once more when less else runs",
    )
    most = int(table["replicas"].max())
    return (
        f"right for {len(LAGS)} lags. Then {WAITING} payments were debited in {last['at']:.0f} s by at most {most} replicas; "
        "then 1 again"
    )


questions = quick_questions(
    "08",
    Question(
        "b",
        a="4 × 64 ÷ 60 = 4.3, rounded up 5. But 64 is within 10 % of 60, and then the autoscaler does nothing.",
        b="64 ÷ 60 = 1.07. The autoscaler tolerates 10 %, so that it does not react to every fluctuation.",
        c="It would remove replicas if the utilization were clearly below the target; it is above it.",
    ),
    Question(
        "c",
        a="Then the next release sets the number back to the maximum, day and night.",
        b="Plain `kubectl apply` then drops the deployment to 1 replica once: the default replaces the removed field.",
        c="Server-side apply sees that the autoscaler owns the field, and leaves it. So will every later apply.",
    ),
    Question(
        "a",
        a="A partition is read by one member of the group. More can be done at once only with more partitions, "
        "or if each record takes less time.",
        b="Ten readers for six partitions: four have nothing to read already. Four more have nothing either.",
        c="The processor is not the limit: a reader that waits for a database needs little of it. Count the lag.",
    ),
)
