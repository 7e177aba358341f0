"""The command `workshop data publish`: an event log of the user, written to Kafka and summarized.

Modules that compute are imported in the functions: pyarrow takes a moment to import.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.cli.hint_options import hints
from workshop.cli.output import bar, kafka_as_sentences, refused_rows, tell_notes
from workshop.notebook.connection import connect

if TYPE_CHECKING:
    from workshop.ingest.log_publishing import PublishedLog

out = Console(highlight=False, soft_wrap=True, markup=False)


def publish(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop data publish FILE --topic T --case COL (--activity COL | --event NAME) --time COL`."""
    from workshop.ingest.event_log_rows import Reading
    from workshop.ingest.log_publishing import publish_log

    known = known_activities(options.activities) if options.activities else frozenset()
    reading = Reading(options.case, options.time, options.activity, options.event, options.empty_case, known)
    with kafka_as_sentences():
        ws = connect()
        with bar(f"publish {options.file.name}") as tell:
            found = publish_log(ws, options.file, options.topic, reading, tell, hints(options))
    _tell(found, reading.empty_case, options)


def _tell(found: PublishedLog, empty_case: str, options: argparse.Namespace) -> None:
    done = found.publication
    if done.already and done.already == done.accepted + done.refused:
        out.print("This file was published completely before; nothing was published again.")
    elif done.already:
        out.print(f"Resumed after {done.already:,} rows that an earlier run had published.")
    out.print(f"In the topic {options.topic}, from {options.file.name}: {found.totals}")
    tell_notes(out, done.notes)
    if found.unnamed:
        out.print(f"{_events(found.unnamed)} an empty {options.case}: kept as a case named {empty_case}.")
        out.print("(--empty-case NAME gives it another name, --empty-case '' refuses such rows.)")
        if found.totals.cases[empty_case] > found.unnamed:
            out.print(
                f"The file also has a case {empty_case}: both are one case now; another --empty-case separates them."
            )
    if done.refused:
        out.print(refused_rows(done.refused, options.topic))
    if found.first_refused:
        out.print(f"The first is line {found.first_refused.line}: {found.first_refused.reason}.")


def _events(count: int) -> str:
    return "1 event has" if count == 1 else f"{count:,} events have"


def known_activities(text: str) -> frozenset[str]:
    """Return the names in a file, one per line, or in a list that is separated by commas.

    Raises:
        WorkshopError: the file cannot be read, or it contains no name.
    """
    path = Path(text)
    if path.is_file() or "/" in text or path.suffix in (".txt", ".csv"):
        from workshop.ingest.tabular import read_text

        try:
            names = read_text(path).splitlines()
        except WorkshopError as error:
            raise WorkshopError(
                f"The activities {text} cannot be read: {error.happened}",
                "Give a text file with one name on each line, or a list: 'One,Another'.",
            ) from None
    else:
        names = text.split(",")
    known = frozenset(name.strip() for name in names if name.strip())
    if not known:
        raise WorkshopError(
            f"There is no activity in '{text}'.", "Give a file with one per line, or a list: 'One,Another'."
        )
    return known
