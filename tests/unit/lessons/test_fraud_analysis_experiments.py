"""Lesson 05: reports, tables of rules, and average precision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from workshop.domain.payments import PaymentMade
from workshop.lessons.fraud_analysis import checks, experiments

AT = datetime(2018, 4, 1, tzinfo=UTC)


def test_a_report_comes_a_week_after_its_payment_and_keeps_its_time():
    payment = PaymentMade("card", "shop", 100, AT, "p")
    report = experiments.report_of(payment)
    assert report.at == AT + timedelta(days=7)
    assert (report.payment_id, report.terminal, report.paid_at_ms) == ("p", "shop", payment.timestamp_ms())


def test_half_a_year_is_published_in_order_and_the_number_of_payments_is_told(monkeypatch: pytest.MonkeyPatch):
    sent: dict[str, list] = {"half-year": [], "fraud-reports": []}
    shown: list[str] = []
    told = SimpleNamespace(say=shown.append, now=shown.append)
    rows = pd.DataFrame({"number": range(5), "TX_FRAUD": [0, 0, 1, 0, 0]})

    def events(rows: pd.DataFrame):
        return (PaymentMade("card", "shop", 100, AT, f"p-{number}") for number in rows["number"])

    monkeypatch.setattr(experiments, "Told", lambda: told)
    monkeypatch.setattr(experiments, "AT_ONCE", 2)
    monkeypatch.setattr(experiments, "story", SimpleNamespace(payments=lambda: rows, events=events))
    monkeypatch.setattr(experiments, "publish", lambda ws, topic, batch: sent[topic].extend(batch))
    assert experiments.half_year(SimpleNamespace(fresh_topic=lambda name, **options: name)) == tuple(sent)
    assert [event.payment_id for event in sent["half-year"]] == [f"p-{number}" for number in range(5)]
    assert [report.payment_id for report in sent["fraud-reports"]] == ["p-2"]
    assert shown[1:4] == [f"{number} of 5 payments are published" for number in (2, 4, 5)]


def test_a_rule_that_flags_nothing_has_no_precision():
    fraud = np.array([1, 0, 1, 0])
    flags = pd.DataFrame({"one": [True, True, False, False], "nothing": [False] * 4})
    table = experiments.rule_table(flags, fraud)
    assert table.loc["one"].tolist() == [2, "50%", "50%"]
    assert table.loc["nothing"].tolist() == [0, "", "0%"]
    assert table.loc["any of them"].tolist() == [2, "50%", "50%"]


def test_a_perfect_score_has_the_average_precision_1_and_a_constant_one_the_base_rate():
    fraud = np.array([1, 0, 0, 0])
    found = experiments.average_precisions(fraud, {"perfect": fraud * 1.0, "constant": np.zeros(4)})
    assert found == {"perfect": 1.0, "constant": 0.25}


def test_frauds_that_are_known_at_once_are_known_at_the_time_of_their_payments():
    table = pd.DataFrame({"at": pd.to_datetime(["2018-04-01", "2018-04-02"]), "payment_id": ["a", "b"]})
    known = experiments.known_at_once(table, np.array([0, 1]))
    assert known.to_dict() == {"b": pd.Timestamp("2018-04-02")}


def test_the_five_cards_that_rank_highest_each_day_are_checked():
    rows = [(day, f"c{card}", card) for day in (2, 3) for card in range(7)]
    table = pd.DataFrame(
        {
            "at": pd.to_datetime([f"2018-07-0{day} 12:00" for day, _, _ in rows]),
            "customer": pd.Categorical([card for _, card, _ in rows]),
        }
    )
    scores = np.array([float(score) for _, _, score in rows])
    fraud = np.array([int(card in ("c6", "c0")) for _, card, _ in rows])
    assert checks.hits(table, fraud, scores) == (2, 2)
