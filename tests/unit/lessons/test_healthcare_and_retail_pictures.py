"""The pictures of lesson 10: their texts state what was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workshop.domain.healthcare import PatientEvent
from workshop.domain.healthcare.patient_file import fold
from workshop.domain.healthcare.rules import Judged, Rule
from workshop.domain.retail.projections import Cohorts
from workshop.domain.retail.stock import OrderRefused, StockReceived, StockReserved
from workshop.lessons.healthcare_and_retail import pictures

START = datetime(2014, 1, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def step(activity: str, hours: float, patient: str = "A") -> PatientEvent:
    at = START + hours * HOUR
    return PatientEvent(patient, activity, at, f"{patient}-{hours}", at)


def test_a_pathway_is_told_by_its_length_and_its_last_event():
    events = [step("ER Registration", 0), step("CRP", 1), step("IV Liquid", 2), step("Admission NC", 12)]
    drawn = pictures.draw_pathway(fold([*events, step("Release A", 60)]))
    assert drawn.alt == "case A: 5 events in 2.5 days, the last is Release A"


def test_a_pathway_of_one_event_takes_no_time():
    assert pictures.draw_pathway(fold([step("ER Registration", 0)])).alt == (
        "case A: 1 events in 0.0 days, the last is ER Registration"
    )


def test_beds_are_counted_at_the_moment_and_at_their_most():
    events = [
        step("Admission NC", 0, "A"),
        step("Admission NC", 1, "B"),
        step("Admission IC", 2, "C"),
        step("Release A", 30, "A"),
        step("ER Registration", 40, "D"),
    ]
    assert pictures.draw_beds(events, START + 41 * HOUR).alt == (
        "on 03 January 2014 at 01:00: 1 in the ER, 1 in normal care, 1 in intensive care; at most 2 in normal care"
    )


def test_delays_are_counted_as_in_time_late_or_never():
    rule = Rule("ER Triage", "IV Antibiotics", HOUR)
    delays = [timedelta(minutes=-5), timedelta(minutes=60), timedelta(minutes=61), timedelta(days=9), None]
    judged = [Judged(str(n), START, None if late is None else START + late) for n, late in enumerate(delays)]
    assert pictures.draw_delays(rule, judged).alt == "2 patients in time, 2 late, 1 never, of 5"


def test_a_stock_is_told_by_its_end_for_each_way_of_deciding():
    received = StockReceived("tea", 1, "d-1")
    reserved = [StockReserved("tea", 1, f"o-{number}") for number in (1, 2)]
    ways = {"blind": [received, *reserved], "deciding": [received, reserved[0], OrderRefused("tea", 1, "o-2")]}
    assert pictures.draw_stock(ways).alt == "blind: the stock ends at -1; deciding: the stock ends at 0"


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
