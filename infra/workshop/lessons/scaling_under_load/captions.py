"""Sentences below the pictures of lesson 08, computed from the measurements."""

from __future__ import annotations

import pandas as pd

from workshop.lessons.scaling_under_load.observations import REQUESTED, SECONDS, TARGET, Scaled, within
from workshop.load import percentile

FLAT = 2 * SECONDS  # a curve is flat as long as half of the response time at most is waiting
RISES = 1.5  # times the response time of the loads below the capacity
COMPLETE = 2  # loads below the capacity that a curve needs before it is judged
FASTER = 1.25  # times as fast; less than this counts as equally fast
AROUND = 5.0  # seconds before a release that are compared with twice as many after it
BUSY_CORE = 700  # millicores from which a processor is no longer idle most of the time


def of_curves(table: pd.DataFrame, capacity: float) -> str:
    """State the 95th percentiles of each number of replicas, and how each curve runs beside its line."""
    if not len(table):
        return "nothing measured yet"
    groups = [(int(count), rows) for count, rows in table.groupby("replicas")]
    said = [_curve(count, rows, count * capacity) for count, rows in groups]
    judged = [
        (count, rows, count * capacity) for count, rows in groups if len(_below(rows, count * capacity)) >= COMPLETE
    ]
    failed = int(table["failed"].sum()) if "failed" in table else 0
    ends = [f"{failed} payments failed"] if failed else []
    return _sentences([*said, *_verdict(judged), *ends])


def _sentences(parts: list[str]) -> str:
    """Return statements as sentences; the picture adds the last full stop."""
    return ". ".join(f"{part[:1].upper()}{part[1:]}" for part in parts)


def _curve(count: int, rows: pd.DataFrame, line: float) -> str:
    steps = ", ".join(f"{row.p95 * 1000:.0f} ms at {row.offered:.0f}/s" for row in rows.itertuples())
    return f"{replicas(count)} (line at {line:.0f}/s): p95 {steps}"


def _below(rows: pd.DataFrame, line: float) -> pd.DataFrame:
    return rows[rows["offered"] <= 0.85 * line]


def _verdict(judged: list[tuple[int, pd.DataFrame, float]]) -> list[str]:
    early = [count for count, rows, line in judged if _below(rows, line)["p95"].max() > FLAT]
    late = [count for count, rows, line in judged if count not in early and _stays_flat(rows, line)]
    good = [count for count, _, _ in judged if count not in early + late]
    said = []
    if good:
        said.append(f"{_curves(good)} low up to 80 % of the capacity, and high above the line")
    if early:
        said.append(
            f"{_curves(early)} high already below the line: this machine was too busy, and its processor, "
            "not the card network, was the limit"
        )
    if late:
        said.append(f"{_curves(late)} low above the line too: the queue had too little time to grow")
    return said


def _stays_flat(rows: pd.DataFrame, line: float) -> bool:
    above = rows[rows["offered"] > line]
    return bool(len(above)) and above["p95"].max() < RISES * _below(rows, line)["p95"].max()


def _curves(counts: list[int]) -> str:
    *first, last = map(str, counts)
    names = f"{', '.join(first)} and {last}" if first else last
    return f"the curve of {names} is" if len(counts) == 1 else f"the curves of {names} are"


def replicas(count: int) -> str:
    """Return the number with its noun: "1 replica", "3 replicas"."""
    return f"{count} replica{'s' * (count != 1)}"


def of_processor(rows: pd.DataFrame) -> str:
    """State what the processor shows of the load of one replica, what the queue shows, and the autoscaler's threshold."""
    if not len(rows):
        return "one replica was not measured"
    first, last = rows.iloc[0], rows.iloc[-1]
    said = [
        f"from {first['offered']:.0f} to {last['offered']:.0f} payments per second, the replica used "
        f"{first['cpu']:.0f} to {last['cpu']:.0f} millicores, at most {rows['cpu'].max() / 10:.0f} % of one core",
        f"what was in flight or queued went from {first['waiting']:.0f} to {last['waiting']:.0f} payments",
    ]
    if rows["cpu"].max() >= BUSY_CORE:
        said.append("this machine's processor was the limit too: close other programs and measure again")
    threshold = REQUESTED * TARGET / 100
    each = (rows["cpu"] / rows["offered"]).median()
    said.append(f"{threshold:.0f} millicores were used at about {threshold / each:.0f} payments per second")
    return _sentences(said)


def of_day(seen: Scaled, answers: pd.DataFrame) -> str:
    """State how long the first new replica took, the response times before it, and the replicas at the end."""
    failed = int((answers["status"] != 201).sum())
    said = [f"{len(answers)} payments, {failed} failed"]
    if not seen.ready:
        return said[0]
    said.append(f"ready replicas: at most {max(count for _, count in seen.ready)}, and {seen.ready[-1][1]} at the end")
    if seen.applied:
        said += [_teeth(seen), _price(seen, answers)]
    elif len(seen.marks) > 1:
        said.append(_comes_late(seen, answers))
    return _sentences(said)


def _comes_late(seen: Scaled, answers: pd.DataFrame) -> str:
    """State the wait for the first new replica after the load rose for the first time."""
    begin = seen.marks[1][0]
    if seen.end <= begin:
        return "the load has not risen yet"
    usual = percentile(answers, 0, begin)
    more = seen.first_more(begin)
    if more is None:
        return f"no new replica was ready after the load had risen; p95 before that was {_ms(usual)}"
    worst = percentile(answers, begin, begin + more)
    return (
        f"the first new replica was ready {more:.0f} s after the load had risen; until then p95 was {_ms(worst)}, "
        f"before that {_ms(usual)}"
    )


def _teeth(seen: Scaled) -> str:
    """State what each application of the manifest did to the number of replicas."""
    ends = [*seen.applied[1:], float("inf")]
    fewest = [min(within(seen.ready, at, end), default=0) for at, end in zip(seen.applied, ends, strict=True)]
    before = [[count for at, count in seen.ready if at <= moment][-1:] for moment in seen.applied]
    drops = [f"{was[0] if was else '?'} to {low}" for was, low in zip(before, fewest, strict=True)]
    times = "once" if len(drops) == 1 else f"{len(drops)} times"
    return f"the manifest was applied {times}; ready replicas went from {', from '.join(drops)}"


def _price(seen: Scaled, answers: pd.DataFrame) -> str:
    """Compare the response times around the releases."""
    before = pd.concat([_between(answers, at - AROUND, at) for at in seen.applied])
    after = pd.concat([_between(answers, at, at + 2 * AROUND) for at in seen.applied])
    return (
        f"the p95 was {_ms(before.quantile(0.95))} in the {AROUND:g} s before them, and {_ms(after.quantile(0.95))} in the "
        f"{2 * AROUND:g} s after them"
    )


def _between(answers: pd.DataFrame, since: float, until: float) -> pd.Series:
    return answers.loc[(answers["at"] >= since) & (answers["at"] < until), "seconds"].astype(float)


def _ms(seconds: float) -> str:
    return "unknown" if seconds != seconds else f"{seconds * 1000:.0f} ms"


def of_lag(rates: dict[int, float]) -> str:
    """State how fast each number of replicas reduced the lag, and how the largest compares with the partitions' number.

    Args:
        rates: payments per second by number of replicas.
    """
    said = [f"{replicas(count)}: {rate:.0f} payments per second" for count, rate in rates.items()]
    if {1, 3} <= set(rates) and rates[1] > 0:
        said.append(f"three were {rates[3] / rates[1]:.1f} times as fast as one")
    if {3, 6} <= set(rates) and rates[3] > 0:
        ratio = rates[6] / rates[3]
        if ratio < 1 / FASTER:
            said.append(f"six reached {ratio:.0%} of the speed of three: they did not help")
        elif ratio <= FASTER:
            said.append("six were as fast as three")
        else:
            said.append(
                f"six were {ratio:.1f} times as fast as three in this run, which the partitions do not explain: "
                "the group was still distributing them, or the machine was busy, while three were measured"
            )
    return _sentences(said) or "a lag over time"


def of_scaler(table: pd.DataFrame) -> str:
    """State how a scaler reduced a lag, and the replicas that it set one after the other."""
    if not len(table):
        return "no lag yet"
    counts = table["replicas"][table["replicas"].diff() != 0].astype(int)
    steps = ", then ".join(map(str, counts))
    lag, last = table["lag"], table.iloc[-1]
    return f"the lag went from {lag.max():.0f} to {last['lag']:.0f} in {last['at']:.0f} s. Replicas: {steps}"
