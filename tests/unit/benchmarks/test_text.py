"""Numbers and summaries as text."""

from __future__ import annotations

import pytest
from benchmarks.results import Summary
from benchmarks.text import numbers, summary_text


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((0.0,), ["0"]),
        ((28927.0,), ["28,927"]),
        ((1351.4,), ["1,351"]),
        ((45.9291,), ["45.9"]),
        ((0.72649,), ["0.726"]),
        ((1.0, 0.9, 1.1), ["1.0", "0.9", "1.1"]),
        ((2.0,), ["2"]),
        ((119.261,), ["119"]),
        ((9.999,), ["10"]),
        ((), []),
    ],
)
def test_numbers_have_three_significant_digits_and_the_same_decimals(values: tuple[float, ...], shown: list[str]):
    assert numbers(*values) == shown


@pytest.mark.parametrize(
    ("summary", "unit", "shown"),
    [
        (Summary(median=2.7, min=2.7, max=2.9, runs=4), "s", "2.7 s (2.7 to 2.9)"),
        (Summary(median=23.0, min=23.0, max=23.0, runs=1), "s", "23 s"),
        (Summary(median=0.9, min=0.9, max=1.0), "", "0.9 (0.9 to 1.0)"),
        (Summary(min=13.0, max=22.0, runs=3), "payments", "13 to 22 payments"),
        (Summary(max=2.2), "s", "up to 2.2 s"),
        (Summary(total=28927.0, runs=10), "payments", "28,927 payments in all"),
        (Summary(median=10.4, note="one run above 15 s"), "s", "10.4 s, one run above 15 s"),
    ],
)
def test_a_summary_shows_what_is_known(summary: Summary, unit: str, shown: str):
    assert summary_text(summary, unit) == shown
