"""The command `workshop`: its parser, its dispatch and its exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NoReturn

from kafka.errors import KafkaError
from rich.console import Console
from rich.text import Text

from workshop.base import environment, incidents, interruptions, stack_folders, system_errors
from workshop.base.errors import WorkshopError
from workshop.base.settings import BACKENDS, Settings
from workshop.cli import bundle, chaos, commands, data, fraud
from workshop.cli.hint_options import add_hints
from workshop.stack import steps

KAFKA_STEP = "Run `workshop status` to see what runs; `workshop up` repairs it."
ONCE = (
    "The file is delimited text, JSON lines or a JSON array, .xlsx or Parquet; also packed as .gz or .zip. Each row is "
    "published once, also if the command is interrupted and run again."
)


class Parser(argparse.ArgumentParser):
    """Argument parser that reports usage errors in two lines."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message}.\n→ Run `{self.prog} -h` for usage.\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command, and return its exit code. Errors are printed as messages."""
    interruptions.install()
    environment.isolate()
    options = build_parser().parse_args((sys.argv[1:] if arguments is None else arguments) or ["--help"])
    errors = Console(stderr=True)
    try:
        settings = Settings.load()
        if getattr(options, "backend", None):
            settings = replace(settings, backend=options.backend)
        if getattr(options, "stack", None):
            settings = settings.of(options.stack)
        if getattr(options, "bundle", None):
            settings = replace(settings, bundle=options.bundle)
        return options.run(settings, options) or 0
    except WorkshopError as error:
        return _told(errors, error)
    except KafkaError as error:
        return _told(errors, WorkshopError(f"Kafka reports {incidents.brief(error)}.", KAFKA_STEP))
    except KeyboardInterrupt as error:
        errors.print(f"\n{interruptions.sentence(error)}", soft_wrap=True)
        return interruptions.exit_code(error)
    except BrokenPipeError:
        raise  # the reader of the output has closed the pipe; not a system error
    except OSError as error:
        return _told(errors, system_errors.explained(error))


def _told(errors: Console, error: WorkshopError) -> int:
    for line in error.lines():
        errors.print(Text(line, style="red" if line == error.happened else ""), soft_wrap=True)
    return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; docs/commands.md is generated from it."""
    parser = Parser(
        prog="workshop", description="Run the workshop's stack: Kafka, Kubernetes, JupyterLab and the lessons."
    )
    words = parser.add_subparsers(metavar="COMMAND", required=True)

    def word(name: str, run: Callable, text: str, more: str = "") -> argparse.ArgumentParser:
        return _word(words, name, run, text, more)

    more = "Running it again is safe: it starts only what is missing."
    up = word("up", commands.up, "start the stack, or repair it", more)
    up.add_argument("--no-lab", action="store_true", help="do not start JupyterLab")
    up.add_argument("--backend", choices=BACKENDS, help="where Kafka and Kubernetes run (default: auto)")
    text = "also: cdc starts PostgreSQL and Kafka Connect, registry the schema registry; streams installs lesson 11"
    up.add_argument(
        "--with", dest="more", action="append", default=[], choices=steps.MORE, help=f"{text}; may be repeated"
    )
    text = "start from this bundle, without a network; see `workshop bundle`"
    up.add_argument("--bundle", type=_named, metavar="DIR", help=text)
    up.add_argument("--keep", action="store_true", help="if the start fails, leave running what was started")
    more = "It starts nothing. Use it while the network is good, or to build an image."
    word("fetch", commands.fetch, "download and compile what the stack needs", more)
    more = "It also fetches the Python packages as wheels, and prints the number and the size of the files."
    text = "download everything that `workshop up` and the lessons need"
    bundle.add_options(word("prefetch", bundle.prefetch, text, more))
    more = "Copy it to a USB stick, for example. Running it again resumes an interrupted bundle."
    making = word("bundle", bundle.bundle, "write a folder from which others start without a network", more)
    making.add_argument("folder", type=_named, metavar="DIR", help="the folder to write; intact files in it are kept")
    making.add_argument("--check", action="store_true", help="write nothing; compare the folder with its hashes")
    bundle.add_options(making)
    more = "Kafka's data are kept. A stop that takes longer than two seconds prints what it waits for."
    down = word("down", commands.down, "stop the stack", more)
    more = "The exit code is 0 when everything is ready, 3 otherwise."
    status = word("status", commands.status, "show the components, their addresses and the passed exercises", more)
    status.add_argument("--json", action="store_true", help="print JSON, for programs")
    more = "Without a name it prints the logs of all components."
    logs = word("logs", commands.logs, "print the end of a component's log", more)
    text = "a component of `workshop status` (kafka-1, lab, a pod), kubernetes-build, or errors (unexpected errors)"
    logs.add_argument("name", nargs="?", help=text)
    logs.add_argument("-f", "--follow", action="store_true", help="continue with new lines until Ctrl-C")
    logs.add_argument("-n", "--lines", type=int, default=20, help="number of lines (default: 20)")
    for one in (down, status, logs):
        _of_which_stack(one)
    more = "The exit code is 1 if it finds a problem."
    word("doctor", commands.doctor, "check the machine and the stack, and print what to change", more)
    more = (
        "Without a lesson it stops the stack and deletes what Kafka stored; your notebooks are not touched. With a lesson it "
        "restores that notebook, and keeps yours in .workshop/backups."
    )
    reset = word("reset", commands.reset, "delete the stack's data, or restore one notebook", more)
    reset.add_argument("lesson", nargs="?", help="the lesson's number, such as 00, or `express`")
    _of_which_stack(reset)
    word("lab", commands.lab, "print JupyterLab's address, and start JupyterLab if it does not run")
    more = "`kafka-topics --describe`, `kafka-console-consumer` and the others need no address there."
    shell = word("shell", commands.shell, "open a shell with kubectl and Kafka's own tools", more)
    shell.add_argument("-c", dest="command", help="run this one command instead")
    more = "It writes an HTML page of each lesson and the executed notebook to runs/. The pages need no network to be read."
    run = word("run", commands.run, "execute solved lessons on the running stack", more)
    run.add_argument("lessons", nargs="*", metavar="NN", help="lesson numbers, or `express` (default: all lessons)")
    more = "It shows what `workshop run` has executed, and the documentation; a browser needs no network to read it."
    pages = word("site", commands.site, "build a site of all lessons with their outputs, in runs/site", more)
    text = "also build it if no lesson was executed; the pages then have no outputs"
    run_first = "first execute the lessons that have no outputs yet, on the running stack"
    pages.add_argument("--run", dest="execute", action="store_true", help=run_first)
    pages.add_argument("--without-outputs", action="store_true", help=text)
    notebooks = word("notebooks", commands.notebooks, "for authors: generate notebooks/ from solutions/")
    notebooks.add_argument("--check", action="store_true", help="write nothing; exit with 1 if one is out of date")
    word("lock", commands.lock, "for authors: renew the jars.lock files from their pom.xml (needs Maven)")
    text = "build a node image for kind"
    kind = words.add_parser("kind", help=text, description=_sentence(text))
    kind_words = kind.add_subparsers(metavar="COMMAND", required=True)
    more = "Use it where no container registry is reachable. It takes 15 to 25 minutes, once."
    text = "build a node image from package mirrors"
    build = _word(kind_words, "build-image", commands.build_image, text, more)
    build.add_argument("--install", action="store_true", help="install missing programs with apt-get")
    chaos.add(words)
    text = "publish an event log of your own"
    _add_data(words.add_parser("data", help=text, description=_sentence(text)))
    text = "publish your own payments, find strange periods, score models"
    _add_fraud(words.add_parser("fraud", help=text, description=_sentence(text)))
    return parser


def _word(
    words: argparse._SubParsersAction, name: str, run: Callable, text: str, more: str = ""
) -> argparse.ArgumentParser:
    sub = words.add_parser(name, help=text, description=f"{_sentence(text)} {more}".strip())
    sub.set_defaults(run=run)
    return sub


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _of_which_stack(parser: argparse.ArgumentParser) -> None:
    text = "use the stack of this backend (default: the one that runs, or ran last)"
    parser.add_argument("--backend", dest="stack", choices=stack_folders.BACKENDS, help=text)


def _add_fraud(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="COMMAND", required=True)
    publish = _word(words, "publish", fraud.publish, "publish a log of payments", ONCE)
    publish.add_argument("file", type=Path, help="columns TX_DATETIME, CUSTOMER_ID, TX_AMOUNT; others are allowed")
    add_hints(publish, amounts=True)
    warn = _word(words, "warn", fraud.warn, "replay a topic and write one warning per strange period")
    warn.add_argument(
        "--out", type=Path, default=Path("warnings.csv"), help="the file to write (default: warnings.csv)"
    )
    score = _word(words, "score", fraud.score, "replay a topic and score models by the published protocol")
    score.add_argument("--labels", type=Path, required=True, help="a file with TRANSACTION_ID, TX_FRAUD (0 or 1)")
    score.add_argument("--start", type=_day, help="first day of the training week, such as 2018-07-25")
    for sub in (publish, warn, score):
        sub.add_argument("--topic", required=True, help="the topic's name")


def _add_data(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="COMMAND", required=True)
    publish = _word(words, "publish", data.publish, "publish an event log", ONCE)
    publish.add_argument("file", type=Path, help="a header, then one row per event")
    publish.add_argument("--topic", required=True, help="the topic; it is created if it does not exist")
    publish.add_argument("--case", required=True, metavar="COL", help="the column with the case, which becomes the key")
    what = publish.add_mutually_exclusive_group(required=True)
    what.add_argument("--activity", default="", metavar="COL", help="the column with the activity")
    what.add_argument("--event", default="", metavar="NAME", help="the activity of every row, if no column has it")
    text = "the column with the time, such as 2018-04-25 13:00:00"
    publish.add_argument("--time", required=True, metavar="COL", help=text)
    add_hints(publish, amounts=False)
    text = "the allowed activities: a file with one per line, or a list 'One,Another'; other rows are refused"
    publish.add_argument("--activities", metavar="LIST", help=text)
    text = "the case name for rows with an empty case (default: NA); '' refuses such rows"
    publish.add_argument("--empty-case", default="NA", metavar="NAME", help=text)


def _named(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a date; write it as 2018-07-25") from None


if __name__ == "__main__":
    sys.exit(main())
