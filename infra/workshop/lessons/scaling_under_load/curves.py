"""Experiment of lesson 08: response times of a number of replicas at several loads."""

from __future__ import annotations

import time
from collections.abc import Sequence

import httpx
import pandas as pd

from workshop.base.pace import paced
from workshop.lessons.scaling_under_load import delivery
from workshop.lessons.scaling_under_load.observations import CAPACITY, SECONDS
from workshop.lessons.scaling_under_load.pictures import draw_curves
from workshop.load import Load, Stage, percentile
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live

SHARES = (0.5, 0.8, 0.95, 1.2)  # offered load as shares of the capacity, one after the other
STEP, WARM = 5.0, 1.5  # duration of each in seconds, and its warm-up, which is not measured


def measure(ws: Connection, earlier: pd.DataFrame | None = None, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """Offer payments at several rates to the replicas that there are, and draw the response times.

    Args:
        earlier: measurements of other numbers of replicas, to be drawn and returned too.

    Returns:
        One row per measurement: replicas, offered (payments per second), p50 and p95 (seconds), failed; with one
            replica also cpu (thousandths of a core) and waiting (payments in flight or queued), from the service's own
            metrics.
    """
    delivery.expect_slow_network(ws)
    count = delivery.settled(ws, pods.core(ws))
    rows = [] if earlier is None else [row for row in earlier.to_dict("records") if row["replicas"] != count]
    live = Live(lambda: draw_curves(pd.DataFrame(rows), CAPACITY, count))
    stages = [Stage(paced(STEP, 2.5), share * CAPACITY * count) for share in shares]
    with Load(ws.payments, stages) as load:
        for number, stage in enumerate(stages):
            rows.append(_watch_stage(ws, load, number, stage, count))
            live.update()
    live.finish()
    return pd.DataFrame(rows)


def _watch_stage(ws: Connection, load: Load, number: int, stage: Stage, replicas: int) -> dict:
    before = _figures(ws) if replicas == 1 else {}
    began = time.monotonic()
    while load.now < (number + 1) * stage.seconds - 0.1:
        time.sleep(0.05)
    row = {"replicas": replicas, "offered": stage.rate}
    if before:
        now = _figures(ws)
        used = now["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
        row["cpu"] = 1000 * used / (time.monotonic() - began)
        row["waiting"] = now["payments_in_flight"] + now["payments_queued"]
    time.sleep(0.1 + SECONDS)  # wait for the last answers of this stage
    answers, since = load.answers(), number * stage.seconds + paced(WARM)
    until = (number + 1) * stage.seconds
    row |= {"p50": percentile(answers, since, until, 0.5), "p95": percentile(answers, since, until)}
    return row | {"failed": int((answers["status"] != 201).sum())}


def _figures(ws: Connection) -> dict[str, float]:
    """Return the metrics of the service; with one replica, the same pod answers every time."""
    lines = httpx.get(f"{ws.payments}/metrics", trust_env=False, timeout=10).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}
