"""Failover after a killed leader, and the demonstrations of lesson 03, on a running stack.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/failover.py [--runs N] [--fencing SECONDS]

- leader killed at 500 payments/s, acks=all: lost and duplicated payments, longest write gap;
- losses with acks=1 and two frozen followers; duplicates without and with idempotence;
- --fencing: number of times that a healthy broker is fenced while all cores are busy for the given time.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import statistics
import time
from contextlib import AbstractContextManager, closing

import workshop
from workshop.lessons.replication import experiments
from workshop.notebook.connection import Connection


def killed_leader(ws: Connection) -> tuple[int, int, float, bool]:
    """Return lost, duplicated, write gap in seconds, and whether the active controller was killed."""
    with closing(ws.admin()) as admin:
        controller = admin.describe_metadata_quorum()["topics"][0]["partitions"][0]["leader_id"]
    with _unseen():
        seen = experiments.kill_the_leader(ws)
    assert seen.result is not None  # set at the end of the experiment
    start, stop = seen.gap
    return len(seen.result.lost), len(seen.result.duplicated), stop - start, seen.leader == controller


def demonstrations(ws: Connection) -> tuple[int, int, int]:
    """Return the payments lost of 200 (acks=1), and the records of 200 without and with idempotence."""
    with _unseen():
        lost = len(experiments.freeze_and_kill(ws, acks=1).lost)
        twice = sum(experiments.send_through_a_freeze(ws, idempotent=False).times.values())
        once = sum(experiments.send_through_a_freeze(ws, idempotent=True).times.values())
    return lost, twice, once


def _unseen() -> AbstractContextManager:
    """Suppress output: outside of a notebook, a lesson's pictures are printed as names of objects."""
    return contextlib.redirect_stdout(io.StringIO())


def _burn(until: float) -> None:
    while time.monotonic() < until:
        pass


def fenced_while_busy(ws: Connection, seconds: float) -> tuple[int, int]:
    """Return how often a registered broker was missing with all cores busy, and the number of checks."""
    until = time.monotonic() + seconds
    burners = [multiprocessing.Process(target=_burn, args=(until,)) for _ in range(os.cpu_count() or 2)]
    for burner in burners:
        burner.start()
    missing = looked = 0
    while time.monotonic() < until:
        registered = ws.brokers.registered()
        if registered:
            looked += 1
            missing += len(registered) < 3
        time.sleep(0.2)
    for burner in burners:
        burner.join()
    return missing, looked


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--fencing", type=float, default=60, metavar="SECONDS")
    options = parser.parse_args()
    ws = workshop.connect()
    ws.brokers.restore()
    if options.fencing:
        missing, looked = fenced_while_busy(ws, options.fencing)
        print(
            f"all cores busy for {options.fencing:g} s: a broker was fenced at {missing} of {looked} checks", flush=True
        )
    kills = []
    for _ in range(options.runs):
        kills.append(killed_leader(ws))
        ws.tidy()
    shown = []
    for _ in range(options.runs):
        shown.append(demonstrations(ws))
        ws.tidy()
    print(
        f"leader killed, acks=all, {options.runs} runs: lost {[k[0] for k in kills]}, duplicated {[k[1] for k in kills]}"
    )
    for word, of_controllers in (("a broker", False), ("the broker that was also the active controller", True)):
        if gaps := [k[2] for k in kills if k[3] == of_controllers]:
            print(
                f"longest write gap, s, {word} killed, {len(gaps)} times: "
                f"min {min(gaps):.2f}, median {statistics.median(gaps):.2f}, max {max(gaps):.2f}"
            )
    print(f"acks=1, followers frozen: lost of 200 {[s[0] for s in shown]}")
    print(f"records of 200 payments, idempotence off {[s[1] for s in shown]}, on {[s[2] for s in shown]}")


if __name__ == "__main__":
    main()
