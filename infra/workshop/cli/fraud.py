"""The commands `workshop fraud publish`, `warn` and `score` for a user's own payments.

Modules that compute are imported in the functions: pandas and scikit-learn alone take seconds to import.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.cli.hint_options import hints
from workshop.cli.output import bar, kafka_as_sentences, refused_rows, tell_notes
from workshop.domain.escaped import escaped
from workshop.notebook.connection import Connection, connect

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from workshop.domain.fraud.periods import PeriodWarning

SHOWN = 10
NEEDED_DAYS = 21  # a training week, a week of delay until its labels are known, a test week
COLUMNS = ("customer", "first", "last", "payments", "amount", "signal", "score", "sentence")
out = Console(highlight=False, soft_wrap=True)


def publish(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop fraud publish FILE --topic T`."""
    from workshop.ingest.payment_records import Payments
    from workshop.ingest.publications import publish_file

    payments = Payments(hints(options))
    with kafka_as_sentences():
        ws = connect()
        with bar(f"publish {options.file.name}") as tell:
            done = publish_file(ws, options.file, options.topic, tell, payments)
    if done.already and done.already == done.accepted + done.refused:
        out.print("This file was published completely before; nothing was published again.")
    elif done.already:
        out.print(f"Resumed after {done.already:,} rows that an earlier run had published.")
    out.print(f"{done.accepted:,} payments of {options.file.name} are in the topic {options.topic}.", markup=False)
    tell_notes(out, done.notes)
    if done.refused:
        out.print(refused_rows(done.refused, options.topic), markup=False)
    if first := payments.first_refused:
        out.print(f"The first is line {first.line}: {first.reason}.", markup=False)


def warn(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop fraud warn --topic T [--out FILE]`."""
    from workshop.domain.fraud.periods import find_periods

    table = _replayed(options.topic)
    with bar("look at every card") as tell:
        found = find_periods(table)
        tell(1.0)
    write_atomically(options.out, _as_csv(found))
    _print_warnings(found[:SHOWN])
    many = f"{len(found):,} warnings; the log has {table['customer'].nunique():,} cards"
    out.print(f"{many}. All warnings are in {options.out}.", markup=False)


def _as_csv(found: list[PeriodWarning]) -> str:
    """Return one CSV row per warning, the highest score first, with amounts as 1234.50."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(warning) for warning in found)
    return text.getvalue()


def _cells(warning: PeriodWarning) -> tuple[str, ...]:
    from workshop.domain.fraud.warnings_text import warning_text

    return (
        str(warning.customer),
        warning.first.isoformat(sep=" "),
        warning.last.isoformat(sep=" "),
        str(warning.payments),
        f"{warning.cents // 100}.{warning.cents % 100:02d}",
        warning.signal,
        f"{warning.score:.6f}",
        warning_text(warning),
    )


def _print_warnings(found: list[PeriodWarning]) -> None:
    table = Table("customer", "score", "warning", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for warning in found:
        customer, *_, score, sentence = _cells(warning)
        table.add_row(Text(escaped(customer)), f"{float(score):.1f}", Text(sentence))
    if found:
        out.print(table)


def score(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop fraud score --topic T --labels FILE [--start DATE]`."""
    labels = read_labels(options.labels)
    table = _replayed(options.topic)
    fraud = matched(table, labels, options.labels.name)
    start = options.start or usual_start(table)
    with bar("learn and judge by the published protocol") as tell:
        found = judged(table, fraud, start, tell)
    tests = start + timedelta(days=NEEDED_DAYS - 7)
    out.print(
        f"Learned from {start} to {start + timedelta(days=6)}, judged from {tests} to {tests + timedelta(days=6)}."
    )
    columns = ("model", "AUC ROC", "average precision", "card precision@100")
    shown = Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, figures in found.items():
        shown.add_row(name, f"{figures.auc:.3f}", f"{figures.average_precision:.3f}", f"{figures.card_precision:.3f}")
    out.print(shown)


def read_labels(path: Path) -> pd.Series:
    """Return labels, 0 or 1, by TRANSACTION_ID as text; for repeated transactions the highest one.

    Raises:
        WorkshopError: the file cannot be read, lacks a column, or a label is neither 0 nor 1.
    """
    import pandas as pd

    from workshop.ingest.columns import Columns
    from workshop.ingest.tabular import open_table
    from workshop.ingest.values import names

    advice = "Labels have the columns TRANSACTION_ID and TX_FRAUD, which is 0 or 1."
    ids, values = [], []
    for chunk in open_table(path, Columns(LABELS, (), advice)).chunks(100_000):
        if chunk.refused:
            bad = chunk.refused[0]
            raise WorkshopError(f"Line {bad.line:,} of the labels {path.name} cannot be read: {bad.reason}.", advice)
        ids += names(chunk.columns["TRANSACTION_ID"])
        values += names(chunk.columns["TX_FRAUD"])
    given = pd.Series(values, dtype=str)
    known = given.str.lower().map(MEANINGS)
    if known.isna().any():
        raise WorkshopError(f"A label in {path.name} is '{escaped(given[known.isna()].iloc[0])}'.", advice)
    return known.astype(int).groupby(pd.Series(ids, dtype=str)).max()


LABELS = ("TRANSACTION_ID", "TX_FRAUD")
MEANINGS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


def matched(table: pd.DataFrame, labels: pd.Series, name: str) -> np.ndarray:
    """Return the label of each payment, 0 if the file has none; shape (rows,).

    Raises:
        WorkshopError: no label belongs to a payment in the table, or none of those is a fraud.
    """
    found = table["payment_id"].astype(str).map(labels)
    if not found.notna().any():
        raise WorkshopError(
            f"None of the {len(labels):,} labels in {name} is of a payment in this topic.",
            "TRANSACTION_ID must be as in the file that was published, and that file must have had one.",
        )
    if not found.any():
        raise WorkshopError(
            f"{name} calls no payment of this topic a fraud.", "A model learns from frauds: TX_FRAUD=1."
        )
    out.print(f"{found.notna().sum():,} of {len(table):,} payments have a label; the others count as genuine.")
    return found.fillna(0).to_numpy().astype(int)


def usual_start(table: pd.DataFrame) -> date:
    """Return the first day of training: the published one if the log has its three weeks, else the last."""
    from workshop.domain.fraud.protocol import START

    first, last = table["at"].iloc[0].date(), table["at"].iloc[-1].date()
    latest = last - timedelta(days=NEEDED_DAYS - 1)
    if latest < first:
        raise WorkshopError(
            f"The log lasts from {first} to {last}: that is too short.",
            f"The protocol needs {NEEDED_DAYS} days: a week to learn from, a week of delay, a week to be judged on.",
        )
    return START if first <= START <= latest else latest


def judged(table: pd.DataFrame, fraud: np.ndarray, start: date, tell: Callable[[float], None]) -> dict:
    """Return the figures of each model, trained on the week at `start` and tested two weeks later.

    Raises:
        WorkshopError: a week has no payments, or no frauds.
    """
    from workshop.domain.fraud import model, protocol
    from workshop.domain.fraud.features import PUBLISHED, features

    try:
        split = protocol.split(table, fraud, start)
    except ValueError as error:
        raise WorkshopError(str(error), _span(table)) from None
    for rows, week in ((split.train, "to learn from"), (split.test, "to be judged on")):
        if not 0 < fraud[rows].sum() < len(rows):
            raise WorkshopError(f"The week {week} has no frauds, or nothing else (start {start}).", _span(table))
    seen = features(table, protocol.after_delay(table, fraud))
    tell(0.5)
    learned, tested = seen.iloc[split.train], seen.iloc[split.test]
    scores = {}
    for name, baseline in protocol.baselines().items():
        baseline.fit(learned[list(PUBLISHED)].to_numpy(), fraud[split.train])
        scores[name] = baseline.predict_proba(tested[list(PUBLISHED)].to_numpy())[:, 1]
    tell(0.75)
    scores["this workshop's model"] = model.score(model.train(learned, fraud[split.train]), tested)
    tell(1.0)
    return {name: protocol.figures(table, fraud, split.test, values) for name, values in scores.items()}


def _span(table: pd.DataFrame) -> str:
    first, last = table["at"].iloc[0].date(), table["at"].iloc[-1].date()
    return f"The log lasts from {first} to {last}, and {NEEDED_DAYS} days are needed: name another --start."


def _replayed(topic: str) -> pd.DataFrame:
    """Return the topic's payments; print the number of events that are not payments."""
    from workshop.ingest.replay import replay

    with kafka_as_sentences():
        ws = connect()
        _check_exists(ws, topic)
        with bar(f"replay {topic}") as tell:
            table, malformed = replay(ws, topic, tell)
    if malformed:
        first = malformed[0]
        place = f"partition {first.partition}, offset {first.offset}: {first.reason}"
        out.print(f"{len(malformed):,} events are no payments and were left out; the first is {place}.", markup=False)
    if table.empty:
        raise WorkshopError(f"The topic '{topic}' holds no payment.", PUBLISH)
    return table


PUBLISH = "Publish a log to it: `workshop fraud publish FILE --topic TOPIC`."


def _check_exists(ws: Connection, topic: str) -> None:
    with closing(ws.admin()) as admin:
        if topic not in admin.list_topics():
            raise WorkshopError(f"There is no topic '{topic}'.", PUBLISH)
