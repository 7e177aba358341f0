"""The command of the suite: options, folders, downloads and compilations beside the tests, and cleanup."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from suite import busy, ending, left_over, parts, patience
from suite.report import FAILED, Report

ROOT = Path(__file__).resolve().parents[2]
WORKSHOP = Path(sys.executable).with_name("workshop")
LANES = 3
FIRST_PORT = 23090
PACE = "0.5"  # experiments last half as long as in a class


def main(arguments: list[str] | None = None) -> int:
    """Run the requested parts and return pytest's exit code."""
    asked = _options(arguments)
    ending.install()
    kind = _kind_too(asked) if asked.full and asked.backend == "local" else ""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        _environment(folder, asked)
        if asked.backend == "local" and set(asked.parts) - {parts.STYLE, parts.UNIT}:
            stack.enter_context(_prefetch(folder))
        if parts.INTEGRATION in asked.parts:
            stack.enter_context(_site_environment(folder))
        stack.enter_context(_lanes(folder))
        if asked.busy:  # last, so that its processes are ended before leftover ones are looked for
            stack.enter_context(busy.machine(folder))
        code = int(pytest.main(_pytest_arguments(asked), plugins=[Report(kind)]))
        if code:
            _keep_logs(folder)
        return code or int(kind == FAILED)


def _kind_too(asked: argparse.Namespace) -> str:
    """Run `--backend kind` if an engine and a node image exist; return the result, or why it did not run."""
    from workshop.base.settings import Settings
    from workshop.stack.backends.kind import Kind

    if why_not := Kind(Settings.load()).available():
        return f"NOT RUN: {why_not}"
    command = [sys.executable, str(Path(__file__).parent), "--backend", "kind", "--full", *(["--busy"] * asked.busy)]
    return FAILED if subprocess.run(command, check=False).returncode else "passed"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    about = "\n".join(f"  {part.name:<12} {part.about}" for part in parts.PARTS)
    parser = argparse.ArgumentParser(
        prog="./infra/test.sh",
        description="Run the checks of the project on stacks of their own. A running stack is not touched.",
        epilog=f"parts:\n{about}\n  fast         style and unit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="the parts to run; all of them by default")
    parser.add_argument("--full", action="store_true", help="also the slow exercises that need Kubernetes, and a soak")
    parser.add_argument("--backend", choices=("local", "kind"), default="local", help="where Kubernetes runs")
    parser.add_argument("--lanes", type=int, default=LANES, metavar="N", help=f"stacks side by side (default {LANES})")
    parser.add_argument("--busy", action="store_true", help="keep the machine busy: six processes and a disk writer")
    parser.add_argument("-k", metavar="EXPRESSION", default="", help="as pytest's -k: only the tests whose names match")
    asked = parser.parse_args(arguments)
    wanted = [one for name in asked.parts for one in ((parts.STYLE, parts.UNIT) if name == "fast" else (name,))]
    if unknown := set(wanted) - set(parts.NAMES):
        parser.error(f"unknown part '{sorted(unknown)[0]}'; choose from {', '.join(parts.NAMES)}")
    if asked.lanes < 1:
        parser.error("--lanes takes a number from 1 on")
    usual = (
        parts.ON_KIND if asked.backend == "kind" else [one for one in parts.NAMES if asked.full or one != parts.SOAK]
    )
    asked.parts = [name for name in parts.NAMES if name in (wanted or usual)]
    return asked


@contextmanager
def _folder() -> Iterator[Path]:
    """Create the folder of this run in the checkout; delete it at the end."""
    within = ROOT / ".workshop"
    within.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="suite.", dir=within))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, asked: argparse.Namespace) -> None:
    from workshop.base.settings import Settings

    first = os.environ.get("WORKSHOP_FIRST_PORT", str(FIRST_PORT))
    os.environ |= {"WORKSHOP_SUITE": str(folder), "WORKSHOP_SUITE_FIRST_PORT": first, "WORKSHOP_BACKEND": asked.backend}
    patient = max(patience.START, Settings.load().patience)
    os.environ["WORKSHOP_PATIENCE"] = f"{patient:g}"
    os.environ.setdefault("WORKSHOP_PACE", PACE)
    if asked.full:
        os.environ["WORKSHOP_SUITE_FULL"] = "1"
    if os.environ.get("WORKSHOP_KUBERNETES") == "off" or sys.platform != "linux":
        os.environ["WORKSHOP_SUITE_KUBERNETES"] = "off"


@contextmanager
def _prefetch(folder: Path) -> Iterator[None]:
    """Download and compile what tests need, at idle priority; write the exit code to a file."""
    from workshop.base.settings import Settings
    from workshop.stack.kubernetes.controlplane import build

    if build.find(Settings.load()) is None:
        os.environ["WORKSHOP_SUITE_COMPILING"] = "1"
    with (folder / "prefetch.log").open("wb") as log:
        process = subprocess.Popen([WORKSHOP, "prefetch"], stdout=log, stderr=log)

    def tell() -> None:
        told = folder / "prefetch.part"
        told.write_text(str(process.wait()))
        told.replace(folder / "prefetch.code")

    waiting = threading.Thread(target=tell)
    waiting.start()
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
        waiting.join()


@contextmanager
def _site_environment(folder: Path) -> Iterator[None]:
    """Make the environment of the site's builder, before a test needs it; a failure is reported by that test."""
    command = [sys.executable, str(Path(__file__).with_name("site_environment.py"))]
    with (folder / "site-environment.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(patience.STOP)


@contextmanager
def _lanes(folder: Path) -> Iterator[None]:
    """At the end, stop the stacks of all lanes, and leftover processes of interrupted tests."""
    try:
        yield
    finally:
        stopping = []
        for state in sorted(folder.glob("lane*")):
            with (state / "reset.log").open("wb") as log:
                environment = {**os.environ, "WORKSHOP_STATE": str(state)}
                stopping.append(subprocess.Popen([WORKSHOP, "reset"], env=environment, stdout=log, stderr=log))
        for process in stopping:
            process.wait(patience.STOP)
        for command in left_over.end(folder):
            print(f"Stopped a leftover process of a test: {command}", file=sys.stderr)


def _pytest_arguments(asked: argparse.Namespace) -> list[str]:
    chosen = [part for part in parts.PARTS if part.name in asked.parts]
    paths = [str(ROOT / path) for part in chosen for path in part.paths if (ROOT / path).exists()]
    side_by_side = asked.backend == "local" and asked.lanes > 1
    lanes = ["-n", str(asked.lanes), "--max-worker-restart", "0"] if side_by_side else ["-p", "no:xdist"]
    only = ["-k", asked.k] if asked.k else []
    # Short, because the path of a socket is limited to 107 bytes; in the run's folder, which is deleted at the end.
    fixed = [
        "--basetemp",
        str(Path(os.environ["WORKSHOP_SUITE"]) / "t"),
        "-q",
        "--rootdir",
        str(ROOT),
        "-c",
        str(ROOT / "pyproject.toml"),
        "--durations=10",
        "--durations-min=1",
    ]
    return ["-p", "suite.plugin", f"--nbval-cell-timeout={patience.CELL}", *fixed, *lanes, *only, *paths]


def _keep_logs(folder: Path) -> None:
    """Keep the logs of a failed run."""
    kept = ROOT / ".workshop" / "failed-suite-logs"
    shutil.rmtree(kept, ignore_errors=True)
    for log in folder.rglob("*.log"):
        target = kept / log.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, target)
    print("The logs of this run are in .workshop/failed-suite-logs.", file=sys.stderr)
