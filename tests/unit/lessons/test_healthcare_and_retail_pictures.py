"""The pictures of lesson 10: their texts state what was seen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from workshop.domain.healthcare import PatientEvent
from workshop.domain.healthcare.rules import Judged, Rule
from workshop.domain.retail.projections import Cohorts
from workshop.lessons.healthcare_and_retail import pictures

START = datetime(2014, 1, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def step(activity: str, hours: float, patient: str = "A") -> PatientEvent:
    at = START + hours * HOUR
    return PatientEvent(patient, activity, at, f"{patient}-{hours}", at)


def test_beds_are_counted_at_the_moment_and_at_their_most():
    events = [
        step("Admission NC", 0, "A"),
        step("Admission NC", 1, "B"),
        step("Admission IC", 2, "C"),
        step("Release A", 30, "A"),
        step("ER Registration", 40, "D"),
    ]
    assert pictures.draw_beds(events, START + 41 * HOUR).alt == (
        "on 03 January 2014 at 01:00: 1 in the ER, 1 in normal care, 1 in intensive care; never more than 2 in normal care"
    )


def test_delays_are_counted_as_in_time_late_or_never():
    rule = Rule("ER Triage", "IV Antibiotics", HOUR)
    delays = [timedelta(minutes=-5), timedelta(minutes=60), timedelta(minutes=61), timedelta(days=9), None]
    judged = [Judged(str(n), START, None if late is None else START + late) for n, late in enumerate(delays)]
    assert pictures.draw_delays(rule, judged).alt == (
        "of 5 patients, 2 got IV Antibiotics within 60 minutes (1 of them before the ER Triage was recorded), 2 got them "
        "later, and 1 never: the log has no IV Antibiotics for them"
    )


def placed(*articles: str) -> list[dict]:
    return [{"order": f"o-{number}", "article": article} for number, article in enumerate(articles, 1)]


@pytest.mark.parametrize(
    ("refunds", "said"),
    [
        ([], "3 orders: 3 paid, 1 reserved; 9.90 € were taken for o-2, whose article is missing"),
        (
            [("refund-o-2", "o-2", -990)],
            "3 orders: 2 paid, 1 reserved; no customer has paid for an article that is missing",
        ),
    ],
)
def test_a_saga_is_told_by_the_customers_who_paid_for_nothing(tmp_path: Path, refunds: list[tuple], said: str):
    till = str(tmp_path / "till.db")
    with closing(sqlite3.connect(till)) as database, database:
        database.execute("CREATE TABLE movements (id, number, cents)")
        paid = [(f"pay-o-{number}", f"o-{number}", 990) for number in (1, 2, 3)]
        database.executemany("INSERT INTO movements VALUES (?, ?, ?)", [*paid, *refunds])
    answers = [{"order": "o-1", "type": "StockReserved"}, {"order": "o-2", "type": "StockMissing"}]
    assert pictures.draw_saga(placed("cup", "cup", "tea"), answers, till).alt == said


def test_cohorts_are_told_by_their_number_and_the_first_ones_return():
    grid = Cohorts(
        ("2017-01", "2017-02"),
        {"2017-01": 1_200, "2017-02": 300},
        {("2017-01", 0): 1_200, ("2017-01", 1): 300, ("2017-02", 0): 300},
        "2017-02",
    )
    assert pictures.draw_cohorts(grid).alt == (
        "1,500 households in 2 cohorts; of the 1200 households of 2017-01, 25 % bought in the next month"
    )


def test_readers_are_told_by_the_best_fifth_and_the_best_product():
    value = {f"h-{number}": 100 for number in range(8)} | {"h-8": 3_000, "h-9": 2_000}
    drawn = pictures.draw_readers(value, [("milk", 40), ("tea", 2)])
    assert drawn.alt.endswith("product milk is in 40 baskets")
    share = int(drawn.alt.split(" make ")[1].split(" %")[0])
    assert 86 <= share <= 88
