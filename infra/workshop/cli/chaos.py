"""The command `workshop chaos`: fault injection while payments flow, with a report on each payment."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from kafka.errors import KafkaError
from rich.console import Console
from rich.live import Live
from rich.text import Text

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.notebook.connection import connect

BROKEN = 1
REPORT = (
    "A report compares each acknowledged payment with the log. The exit code is 1 if a payment was lost or debited twice, "
    "otherwise 0."
)
out = Console(highlight=False)


def add(words: argparse._SubParsersAction) -> None:
    """Add the commands `chaos list`, `chaos run` and `chaos soak` to a parser."""
    text = "inject faults while payments flow, and account for each payment"
    parser = words.add_parser(
        "chaos", help=text, description="Inject faults while payments flow, and account for each payment."
    )
    own = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "list the faults and what each of them does"
    own.add_parser("list", help=text, description="List the faults and what each of them does.").set_defaults(run=show)
    text = "inject the given faults one after the other"
    run = own.add_parser("run", help=text, description=f"Inject the given faults one after the other. {REPORT}")
    run.add_argument(
        "faults", nargs="+", metavar="FAULT", help="a fault, or several at the same time: broker-killed+pod-crashed"
    )
    run.set_defaults(run=play)
    text = "inject random faults for some minutes"
    soak = own.add_parser("soak", help=text, description=f"Inject random faults, one or two at a time. {REPORT}")
    soak.add_argument("--minutes", type=_positive, default=10.0, help="time in which new faults start (default: 10)")
    soak.set_defaults(run=play_on)
    for sub in (run, soak):
        sub.add_argument("--rate", type=_positive, default=25.0, help="payments per second (default: 25)")
        sub.add_argument("--seed", type=int, default=1, help="seed of the random choices (default: 1)")


def show(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop chaos list`."""
    from workshop.chaos import report

    out.print(report.catalogue())


def play(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop chaos run FAULT …`."""
    from workshop.chaos import faults

    return _run([faults.parse(text) for text in options.faults], options)


def play_on(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop chaos soak`."""
    from workshop.chaos import faults

    return _run(_for_so_long(faults.plan(options.seed), options.minutes * 60), options)


def _for_so_long(steps: Iterable[Sequence[str]], seconds: float) -> Iterator[Sequence[str]]:
    """Yield the steps that start within a time limit, counted from the call."""
    until = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < until, steps)


def _run(steps: Iterable[Sequence[str]], options: argparse.Namespace) -> int:
    from workshop.chaos import day as days
    from workshop.chaos import report

    ws = connect()
    seen: days.Day | None = None
    with Live(Text("Preparing the stack …"), console=out, transient=True, auto_refresh=False) as live:
        last = 0.0

        def tell(day: days.Day) -> None:
            nonlocal last
            if time.monotonic() > last + 0.5:
                live.update(Text(report.line(day)), refresh=out.is_terminal)
                last = time.monotonic()

        out.print(
            f"{options.rate:g} payments per second, seed {options.seed}; Ctrl-C ends the run and repairs the stack."
        )
        try:
            with days.running(ws, options.rate, options.seed, tell) as seen:
                for names in steps:
                    out.print(report.of_step(seen, seen.step(names)))
                    seen.pass_(days.CALM)
        except (KeyboardInterrupt, WorkshopError, KafkaError) as error:
            live.update(Text(""))
            if seen is not None:
                out.print(report.report(seen))
            if isinstance(error, KafkaError):
                said = f"Kafka ended the run: {type(error).__name__}. The stack has been repaired."
                raise WorkshopError(said, "Run `workshop status` to see what runs.") from error
            raise
    out.print()
    out.print(report.report(seen))
    return 0 if seen.kept else BROKEN


def _positive(text: str) -> float:
    with suppress(ValueError):
        if 0 < (value := float(text)) <= 1_000:
            return value
    raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0 and up to 1000")
