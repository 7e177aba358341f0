"""Lesson 08: response times by replicas and load, and the payments per second that `debits` processes.

The loads are just below and above the capacity of the replicas. The response times are of all answers of a load.
"""

from __future__ import annotations

import workshop
from workshop.lessons.scaling_under_load import consumers, curves, delivery
from workshop.lessons.scaling_under_load.observations import CAPACITY
from workshop.notebook import deployments, pods

from benchmarks.measuring import Values, unseen

STACK = "running"
RUNS = 1
LOADS = tuple(f"replicas {count}, {share * CAPACITY * count:g}/s" for count in (1, 2, 4) for share in curves.SHARES)
FIGURES = {
    **{
        f"{load}: {figure}": unit
        for load in LOADS
        for figure, unit in {"median": "s", "p95": "s", "failed": "payments"}.items()
    },
    **{f"debits, replicas {count}": "payments/s" for count in (1, 3, 6)},
}


def measure(run: int) -> Values:
    """Run both experiments of the lesson."""
    ws = workshop.connect()
    api = pods.core(ws)
    delivery.ensure(ws)
    measured = None
    try:
        with unseen():
            for count in (1, 2, 4):
                delivery.set_replicas(ws, api, count)
                measured = curves.measure(ws, measured)
            with consumers.backlog(ws) as backlog:
                for count in (1, 3, 6):
                    deployments.scale(ws, count, consumers.READER)
                    backlog.watch()
    finally:
        delivery.restore(ws)
    fallen = backlog.table
    assert measured is not None
    for row in measured.to_dict("records"):
        load = f"replicas {row['replicas']}, {row['offered']:g}/s"
        yield f"{load}: median", row["p50"]
        yield f"{load}: p95", row["p95"]
        yield f"{load}: failed", row["failed"]
    for count, rows in fallen.groupby("replicas", sort=False):
        late = rows[rows["at"] > rows["at"].min() + 3]
        slope = (late["lag"].iloc[0] - late["lag"].iloc[-1]) / (late["at"].iloc[-1] - late["at"].iloc[0])
        yield f"debits, replicas {count}", slope
    deployments.restore(ws)
