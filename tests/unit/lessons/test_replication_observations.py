"""The observations of lesson 03."""

from __future__ import annotations

import pytest
from workshop.lessons.replication.observations import Kill


def test_the_gap_lies_between_the_acknowledgements_that_are_furthest_apart():
    assert Kill("all", 1, [0.0, 0.1, 3.5, 0.2, 3.6]).gap == (0.2, 3.5)


def test_without_two_acknowledgements_there_is_no_gap():
    with pytest.raises(ValueError, match="empty"):
        _ = Kill("all", 1, [0.0]).gap
