"""Duration of the test command: with a full cache, with an empty cache, and with an artificial load.

Usage: .venv/bin/python infra/benchmarks/suite.py [warm] [cold] [loaded] [--runs N] [--parts PART ...]

Each run is `./infra/test.sh` in a new clone of the current commit. `cold` uses an empty cache, so that everything is
downloaded and compiled; `loaded` adds `--busy`. Prints minutes as median, minimum and maximum, the load average before each
run, and the closing line of each; the complete output of a run is in `runs/suite-*.log`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from measuring import spread
from workshop.base.settings import Settings

KINDS = ("warm", "cold", "loaded")


def clone(root: Path, folder: Path) -> Path:
    """Clone the current commit of this checkout and return the folder of the clone."""
    made = folder / "a clone"
    subprocess.run(["git", "clone", "--quiet", "--local", str(root), str(made)], check=True)
    return made


def one_run(root: Path, kind: str, number: int, parts: list[str]) -> float:
    """Run the test command once and return its minutes."""
    log = root / "runs" / f"suite-{kind}-{number}.log"
    log.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        cache = {"WORKSHOP_CACHE": str(Path(scratch) / "cache")} if kind == "cold" else {}
        command = ["./infra/test.sh", *parts, *(["--busy"] if kind == "loaded" else [])]
        load, began = os.getloadavg()[0], time.perf_counter()
        with log.open("w") as out:
            place = clone(root, Path(scratch))
            done = subprocess.run(command, cwd=place, env={**os.environ, **cache}, stdout=out, stderr=out, check=False)
    minutes = (time.perf_counter() - began) / 60
    closing = next((line for line in reversed(log.read_text().splitlines()) if " in " in line), "no closing line")
    print(
        f"{kind} {number}: {minutes:.1f} min, load {load:.1f} before, exit code {done.returncode}: {closing}",
        flush=True,
    )
    return minutes


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; warm by default")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--parts", nargs="*", default=[], help="parts of the test command; all by default")
    asked = parser.parse_args()
    if unknown := set(asked.kinds) - set(KINDS):
        parser.error(f"unknown kind '{sorted(unknown)[0]}'; choose from {', '.join(KINDS)}")
    root = Settings.load().root
    for kind in asked.kinds or ["warm"]:
        minutes = [one_run(root, kind, number, asked.parts) for number in range(1, asked.runs + 1)]
        print(f"{kind}: {spread(minutes, 'min', 1)}")


if __name__ == "__main__":
    main()
