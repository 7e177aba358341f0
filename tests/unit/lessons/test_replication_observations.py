"""The observations of lesson 03."""

from __future__ import annotations

import pytest
from workshop.lessons.replication.observations import Kill


def test_the_gap_lies_between_the_acknowledgements_that_are_furthest_apart():
    assert Kill(1, [0.0, 0.1, 3.5, 0.2, 3.6]).gap == (0.2, 3.5)


def test_without_two_acknowledgements_there_is_no_gap():
    with pytest.raises(ValueError, match="empty"):
        _ = Kill(1, [0.0]).gap


def test_the_write_gap_is_the_longest_one_that_ends_after_the_kill():
    seen = Kill(1, [0.0, 2.0, 2.1, 3.0, 3.1, 3.5], killed=2.2)
    assert seen.gaps() == [(0.0, 2.0), (2.1, 3.0), (3.1, 3.5)]
    assert seen.write_gap == (2.1, 3.0)


def test_other_gaps_are_those_without_the_write_gap_the_longest_first():
    seen = Kill(1, [0.0, 0.5, 2.1, 3.0, 3.1, 3.5], killed=2.2)
    assert seen.other_gaps() == [(0.5, 2.1), (0.0, 0.5), (3.1, 3.5)]


def test_without_a_kill_there_is_no_write_gap():
    assert Kill(1, [0.0, 2.0]).write_gap is None
    assert Kill(1, [0.0, 0.1], killed=5.0).write_gap is None


def test_a_pause_of_the_machine_belongs_to_the_gap_that_it_overlaps():
    seen = Kill(1, [], pauses=[(1.0, 2.0)])
    assert seen.was_paused((1.5, 3.0))
    assert not seen.was_paused((2.0, 3.0))
