"""Duration of the simulator for the full set of 1,754,155 payments, with one worker and with two, measured alternately.

Usage: .venv/bin/python infra/benchmarks/simulator.py [--runs N]
"""

from __future__ import annotations

import argparse
import statistics
import time

import payments_simulator


def seconds(workers: int) -> float:
    """Return the duration of one simulation of the full set in seconds."""
    began = time.perf_counter()
    rows = len(payments_simulator.simulate(workers=workers))
    if rows != 1_754_155:
        raise SystemExit(f"{rows} rows: this is not the published set.")
    return time.perf_counter() - began


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    found: dict[int, list[float]] = {workers: [] for workers in (1, 2)}
    for _ in range(runs):
        for workers, values in found.items():
            values.append(seconds(workers))
    print(f"{'full set':12} {'min':>7} {'median':>7} {'max':>7}   ({runs} runs, seconds)")
    for workers, values in found.items():
        print(f"{workers} worker(s)  {min(values):7.2f} {statistics.median(values):7.2f} {max(values):7.2f}")


if __name__ == "__main__":
    main()
