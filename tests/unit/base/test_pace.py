"""The pace of experiments: shorter than in a class, and never too short to show something."""

import pytest
from workshop.base.pace import paced


@pytest.mark.parametrize(
    ("pace", "seconds", "least", "lasts"),
    [
        ("1", 8.0, 4.0, 8.0),
        ("0.5", 8.0, 3.0, 4.0),
        ("0.2", 8.0, 4.0, 4.0),
        ("0.5", 2.0, 40.0, 2.0),
        ("2", 8.0, 0.0, 16.0),
    ],
)
def test_an_experiment_lasts_as_long_as_the_pace_says(
    monkeypatch: pytest.MonkeyPatch, pace: str, seconds: float, least: float, lasts: float
):
    monkeypatch.setenv("WORKSHOP_PACE", pace)
    assert paced(seconds, least) == lasts
