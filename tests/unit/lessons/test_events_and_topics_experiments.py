"""Lesson 01: captions of its pictures, and the wait until groups have shared out their partitions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from workshop.base.errors import WorkshopError
from workshop.lessons.events_and_topics import experiments


class Member:
    """A consumer whose assignment changes with each poll."""

    def __init__(self, group: str, *assignments: list[int]) -> None:
        self.config = {"group_id": group}
        self.assignments = [{TopicPartition("t", number) for number in numbers} for numbers in assignments]

    def assignment(self) -> set[TopicPartition]:
        return self.assignments[0]

    def poll(self, timeout_ms: int) -> dict:
        if len(self.assignments) > 1:
            self.assignments.pop(0)
        return {}


def test_members_are_polled_until_each_partition_has_one_reader_in_each_group():
    first, second, other = Member("a", [], [0, 1], [0]), Member("a", [], [], [1]), Member("b", [], [0, 1])
    experiments.let_join([first, second, other])
    assert [len(member.assignment()) for member in (first, second, other)] == [1, 1, 2]


@pytest.mark.parametrize("second", [[], [0, 1]], ids=["without a partition", "with the partitions of another member"])
def test_groups_that_do_not_share_out_their_partitions_are_reported(second: list[int]):
    with pytest.raises(WorkshopError, match="did not share out"):
        experiments.let_join([Member("a", [0, 1]), Member("a", second)], timeout=0.0)


def test_positions_are_told_by_reader():
    drawn = experiments.draw_positions(0, 20, {"fraud": 1, "billing": 20})
    assert drawn.alt == (
        "fraud has read 1 payment and continues at offset 1; billing has read 20 payments and waits for new ones. "
        "The log holds 20 payments, offsets 0 to 19."
    )


def test_shares_are_told_by_member_and_by_group():
    drawn = experiments.draw_shares({"one": [7], "two": [], "three": [7]}, {"one": "g", "two": "g", "three": "h"})
    assert drawn.alt == "Group g read 1 payment: one 1, two 0. Group h read 1 payment: three 1."


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([[0, 1, 2], [3]], "Late: each payment was handled once"),
        ([[0, 1, 2], [2, 3]], "Late: the payment at offset 2 was handled twice"),
        ([[0, 1], [3]], "Late: the payment at offset 2 was never handled"),
        ([[0, 1, 3], [0, 1], [1]], "Late: the payment at offset 2 was never handled and the payment at offset 0 was handled"
         " twice and the payment at offset 1 was handled 3 times"),
        ([[0, 1, 3], [0, 1, 2, 3]], "Late: the payments at offsets 0 to 1, 3 were handled twice"),
    ],
)  # fmt: skip
def test_lives_are_told_by_what_was_not_handled_once(runs: list, said: str):
    assert experiments.draw_lives({"late": runs}, 4).alt == said


def test_log_starts_are_told_by_what_is_still_there():
    seen = {"7 days": [(0.0, 0, 200), (5.0, 150, 200)], "forever": [(5.0, 0, 1)]}
    said = "After 5 s: “7 days” holds 50 of 200 payments; “forever” holds 1 of 1 payment."
    assert experiments.draw_log_starts(seen).alt == said


def test_before_the_first_measurement_nothing_is_claimed():
    assert experiments.draw_log_starts({"7 days": []}).alt == "Nothing was measured yet."


def test_logs_are_watched_before_a_change_and_for_some_seconds_after_the_first_deletion(
    monkeypatch: pytest.MonkeyPatch,
):
    clock = iter(range(0, 10_000, 2))
    extents = iter([(0, 5), (0, 5), *[(5, 5)] * 10])
    changes = []
    monkeypatch.setattr(experiments.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(experiments.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(experiments, "KafkaConsumer", lambda **options: _Closable())
    monkeypatch.setattr(experiments, "Live", _Live)
    monkeypatch.setattr(experiments, "_extent", lambda consumer, topic: next(extents))
    seen = experiments.watch_log_starts(SimpleNamespace(kafka={}), {"old": "t"}, lambda: changes.append("once"))
    assert [point[1] for point in seen["old"]] == [0, 0, 5, 5, 5]
    assert changes == ["once"]


class _Closable:
    def close(self) -> None:
        pass


class _Live:
    def __init__(self, draw: Callable) -> None:
        draw()

    def update(self) -> None:
        pass

    finish = update
