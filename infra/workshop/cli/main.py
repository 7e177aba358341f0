"""The command `workshop`: what each word does, and how it ends."""

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

from workshop.base import incidents, interruptions, stack_folders, system_errors
from workshop.base.errors import WorkshopError
from workshop.base.settings import BACKENDS, Settings
from workshop.cli import bundle as bundle_commands
from workshop.cli import chaos, commands, data, fraud
from workshop.cli.hint_options import add_hints

KAFKA_STEP = "Run `workshop status` to see what runs; `workshop up` repairs it."
FILES = "a table of text (also .gz or .zip), JSON lines, .xlsx or Parquet"


class Parser(argparse.ArgumentParser):
    """Says in a sentence what of a command line it does not understand."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"`{self.prog}` is not understood: {message}.\n→ `{self.prog} -h` says how it is written.\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are sentences."""
    interruptions.install()
    options = _parser().parse_args((sys.argv[1:] if arguments is None else arguments) or ["--help"])
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
        raise  # whoever read this command's output has left: no error of the system
    except OSError as error:
        return _told(errors, system_errors.explained(error))


def _told(errors: Console, error: WorkshopError) -> int:
    for line in error.lines():
        errors.print(Text(line, style="red" if line == error.happened else ""), soft_wrap=True)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="workshop", description="The workshop's stack: Kafka, JupyterLab, lessons.")
    words = parser.add_subparsers(metavar="COMMAND", required=True)

    def word(name: str, run: Callable, text: str) -> argparse.ArgumentParser:
        return _word(words, name, run, text)

    up = word("up", commands.up, "start everything, or repair it; harmless if it runs")
    up.add_argument("--no-lab", action="store_true", help="without JupyterLab")
    up.add_argument("--backend", choices=BACKENDS, help="where Kafka runs (default: auto)")
    up.add_argument("--with", dest="more", choices=("cdc",), help="cdc: PostgreSQL and Kafka Connect with Debezium too")
    up.add_argument(
        "--bundle", type=_named, metavar="DIR", help="from this folder, without a network; see `workshop bundle`"
    )
    up.add_argument("--keep", action="store_true", help="if it fails, leave running what was started")
    word(
        "fetch",
        commands.fetch,
        "bring what the stack needs, and start nothing: for an image, or while the network is good",
    )
    text = "bring all that `up` and every lesson will ever need, wheels too, and say how large it is"
    bundle_commands.add_options(word("prefetch", bundle_commands.prefetch, text))
    text = "write a folder from which others start without a network: for a USB stick"
    bundle = word("bundle", bundle_commands.bundle, text)
    bundle.add_argument("folder", type=_named, metavar="DIR", help="where to; what is there and right stays")
    bundle.add_argument("--check", action="store_true", help="write nothing: compare the folder with its hashes")
    bundle_commands.add_options(bundle)
    down = word("down", commands.down, "stop everything; the data stay")
    status = word("status", commands.status, "what runs, where, and how far you are; exit code 0 when all is ready")
    status.add_argument("--json", action="store_true", help="for programs")
    logs = word("logs", commands.logs, "the end of a component's log, or of all of them")
    logs.add_argument("name", nargs="?", help="kafka-1, kafka-2, kafka-3, lab")
    logs.add_argument("-f", "--follow", action="store_true", help="go on printing what comes")
    logs.add_argument("-n", "--lines", type=int, default=20, help="how many lines (default: 20)")
    for one in (down, status, logs):
        _of_which_stack(one)
    word("doctor", commands.doctor, "look at the machine and the stack, and say what to change")
    reset = word("reset", commands.reset, "delete what the stack stored; with a lesson, restore that notebook")
    reset.add_argument("lesson", nargs="?", help="a lesson's number, such as 00: restored as it was handed out")
    _of_which_stack(reset)
    word("lab", commands.lab, "print JupyterLab's address; start it if it does not run")
    shell = word("shell", commands.shell, "a shell in which workshop and Kafka's own tools work")
    shell.add_argument("-c", dest="command", help="run this one command instead")
    run = word("run", commands.run, "execute solved lessons on the running stack; leaves an HTML page of each")
    run.add_argument("lessons", nargs="*", metavar="NN", help="lesson numbers (default: all)")
    notebooks = word("notebooks", commands.notebooks, "for authors: generate notebooks/ from solutions/")
    notebooks.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is out of date")
    word("lock", commands.lock, "for authors: renew the jars.lock files from their pom.xml (needs Maven)")
    kind = words.add_parser("kind", help="the node image of a kind cluster").add_subparsers(
        metavar="COMMAND", required=True
    )
    text = "build a node image from package mirrors, where no container registry is reached (15 to 25 minutes, once)"
    build = _word(kind, "build-image", commands.build_image, text)
    build.add_argument("--install", action="store_true", help="install missing programs by apt-get")
    chaos.add(words)
    text = "an event log of your own, of any field: publish it, one row an event"
    _add_data(words.add_parser("data", help=text, description=text))
    text = "a log of payments of your own: publish it, warn of strange periods, score models"
    _add_fraud(words.add_parser("fraud", help=text, description=text))
    return parser


def _word(words: argparse._SubParsersAction, name: str, run: Callable, text: str) -> argparse.ArgumentParser:
    sub = words.add_parser(name, help=text, description=text)
    sub.set_defaults(run=run)
    return sub


def _of_which_stack(parser: argparse.ArgumentParser) -> None:
    text = "the stack of this backend (default: the one that runs, or ran last)"
    parser.add_argument("--backend", dest="stack", choices=stack_folders.BACKENDS, help=text)


def _add_fraud(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="COMMAND", required=True)
    publish = _word(words, "publish", fraud.publish, f"publish {FILES}, once and whole")
    publish.add_argument("file", type=Path, help="columns TX_DATETIME, CUSTOMER_ID, TX_AMOUNT; more are welcome")
    add_hints(publish, amounts=True)
    warn = _word(words, "warn", fraud.warn, "replay a topic, and write a warning for every strange period")
    warn.add_argument("--out", type=Path, default=Path("warnings.csv"), help="where to (default: warnings.csv)")
    score = _word(words, "score", fraud.score, "replay a topic, and judge models by the published protocol")
    score.add_argument("--labels", type=Path, required=True, help="a file with TRANSACTION_ID, TX_FRAUD (0 or 1)")
    score.add_argument("--start", type=_day, help="first day of the training week, such as 2018-07-25")
    for sub in (publish, warn, score):
        sub.add_argument("--topic", required=True, help="the topic's name")


def _add_data(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="COMMAND", required=True)
    publish = _word(words, "publish", data.publish, f"publish {FILES}, once and whole")
    publish.add_argument("file", type=Path, help="a header, then one row per event")
    publish.add_argument("--topic", required=True, help="the topic's name; it is created if it is not there")
    publish.add_argument("--case", required=True, metavar="COL", help="the column that says whose event it is: the key")
    what = publish.add_mutually_exclusive_group(required=True)
    what.add_argument("--activity", default="", metavar="COL", help="the column that says what happened")
    what.add_argument("--event", default="", metavar="NAME", help="what every row is, where no column says it")
    publish.add_argument(
        "--time", required=True, metavar="COL", help="the column that says when, such as 2018-04-25 13:00:00"
    )
    add_hints(publish, amounts=False)
    text = "known activities, a file with one a line, or a list 'One,Another'; rows with other ones are refused"
    publish.add_argument("--activities", metavar="FILE|LIST", help=text)
    text = "the name of the case that is written as an empty one (default: NA); '' refuses rows without a case"
    publish.add_argument("--empty-case", default="NA", metavar="NAME", help=text)


def _named(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an empty name is no folder")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day; write it as 2018-07-25") from None


if __name__ == "__main__":
    sys.exit(main())
