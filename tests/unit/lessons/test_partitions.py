"""Lesson 02: who held which partition when, where cards lie, and the pictures of it."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.partitioner.default import murmur2
from workshop.lessons.partitions import experiments, group_member, rebalance


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([(1.0, {0}), (3.0, set())], [(1.0, 3.0)]),
        ([(1.0, {0, 1}), (2.0, {0}), (3.0, {1})], [(1.0, 3.0)]),
        ([(1.0, {0}), (2.0, set()), (4.0, {0})], [(1.0, 2.0), (4.0, 9.0)]),
        ([(1.0, {1})], []),
    ],
)
def test_spans_of_a_partition(points: list, expected: list):
    assert rebalance.spans(points, 0, 9.0) == expected


def test_lines_of_a_member_are_told_from_other_output():
    log = 'warning\n{"at": 1.5, "partitions": [0]}\n{"other": 1}\n{"at": 2, "partitions": []}\n'
    assert [line["at"] for line in rebalance._lines(log)] == [1.5, 2]


class Group(rebalance.Group):
    """A group whose members' lines are given."""

    def __init__(self, logs: dict[str, list[tuple[float, list[int]]]], changes: list[tuple[float, str]]) -> None:
        super().__init__(SimpleNamespace(), "topic", "group", began=0.0, changes=changes, members=list(logs))
        self.logs = logs

    @property
    def _processes(self) -> SimpleNamespace:  # type: ignore[override]
        def tail(name: str, lines: int) -> str:
            points = self.logs[name.removeprefix("group-")]
            return "\n".join(json.dumps({"at": at, "partitions": held}) for at, held in points)

        return SimpleNamespace(tail=tail)


@pytest.fixture
def group() -> Group:
    logs = {"A": [(1.0, [0, 1, 2, 3, 4, 5]), (3.0, [0, 1, 2])], "B": [(4.0, [3, 4, 5]), (7.0, [0])]}
    made = Group(logs, [(0.5, "A joins"), (2.5, "B joins"), (6.0, "B killed")])
    made.killed["B"] = 6.0
    return made


def test_a_member_that_was_killed_holds_nothing_from_its_death_on(group: Group):
    assert group.held()["B"] == [(4.0, {3, 4, 5}), (6.0, set())]
    assert group.holders() == {0: ["A"], 1: ["A"], 2: ["A"], 3: [], 4: [], 5: []}


def test_partitions_without_a_reader_are_counted_for_each_change_with_the_longest_time(group: Group):
    assert rebalance.stops(group) == {"A joins": (6, 0.5), "B joins": (3, 1.0), "B killed": (0, 0.0)}
    assert rebalance.describe({"B joins": (3, 1.0)}) == "B joins: 3 of 6 partitions were not read, for up to 1.0 s."
    assert rebalance.describe({"B leaves": (1, 0.25)}) == "B leaves: 1 of 6 partitions was not read, for up to 0.2 s."
    assert rebalance.describe({"B joins": (6, 0.02)}).endswith("6 of 6 partitions were not read, for less than 0.1 s.")


def test_the_gaps_of_a_partition_lie_between_two_holders(group: Group):
    assert rebalance.gaps(group.held(), 3) == [(3.0, 4.0)]
    assert rebalance.gaps(group.held(), 0) == []
    assert rebalance.gaps({}, 0) == []


@pytest.mark.parametrize(
    ("left", "grace", "expected"),
    [
        (True, 60.0, "B leaves"),
        (False, 0.0, "B was killed before it could leave"),
        (False, 60.0, "B ended before it could leave"),
    ],
)
def test_a_member_that_did_not_leave_is_told(monkeypatch: pytest.MonkeyPatch, left: bool, grace: float, expected: str):
    line = json.dumps({"at": 3.0, "partitions": [], "left": left})
    processes = SimpleNamespace(stop=lambda names: None, tail=lambda name, lines: line)
    monkeypatch.setattr(rebalance, "GRACE", grace)
    monkeypatch.setattr(rebalance.Group, "_processes", processes)
    leaving = rebalance.Group(SimpleNamespace(), "topic", "group", members=["A", "B"])
    leaving.leave("B")
    assert [text for _, text in leaving.changes] == [expected]
    assert ("B" in leaving.killed) == (not left)
    assert not rebalance._is_live(leaving, "B")
    assert list(rebalance.stops(leaving)) == [expected]


def test_the_picture_tells_the_changes_and_the_moves(group: Group):
    assert rebalance.draw(group).alt == (
        "A joins: 6 of 6 partitions were not read, for up to 0.5 s. B joins: 3 of 6 partitions were not read, "
        "for up to 1.0 s. B killed: no partition stopped being read."
    )


def test_a_member_prints_what_it_holds_after_each_change(capsys: pytest.CaptureFixture[str]):
    def places(*numbers: int) -> set[TopicPartition]:
        return {TopicPartition("topic", number) for number in numbers}

    teller = group_member.Teller(SimpleNamespace(assignment=lambda: places(0, 1)))
    teller.on_partitions_assigned([*places(5)])
    teller.on_partitions_revoked([*places(1)])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["partitions"] for line in lines] == [[0, 1, 5], [0]]


def record(card: str, partition: int, offset: int, timestamp: int = 0) -> SimpleNamespace:
    return SimpleNamespace(key=card.encode(), partition=partition, offset=offset, timestamp=timestamp)


def test_places_of_a_card_are_in_order_of_their_first_events():
    records = [record("a", 2, 0), record("b", 0, 0), record("a", 1, 0), record("a", 2, 1)]
    assert experiments.places(records) == {"a": [2, 1], "b": [0]}


def test_cards_that_are_written_elsewhere_are_counted():
    before = [record("card-a", 0, 0), record("card-b", 1, 0)]
    now = [*before, record("card-a", 4, 0), record("card-b", 1, 1)]
    assert experiments.draw_moves(before, now).alt == ("1 of 2 cards is now written to another partition than before.")


def test_the_picture_of_placement_names_each_card_once():
    records = [record("b", 1, 0), record("a", 0, 0), record("a", 0, 1)]
    assert experiments.draw_placement(records, 3).alt == (
        "The payments of a are in partition 0; those of b are in partition 1."
    )


def test_jumps_back_in_time_are_counted_between_partitions():
    records = [record("a", 0, 0, 1_000), record("a", 0, 1, 3_000), record("b", 1, 0, 2_000), record("b", 1, 1, 4_000)]
    assert experiments.draw_reading_order(records).alt == (
        "Within each partition the time never goes back; in the order of reading it goes back once."
    )


def test_a_hot_day_has_one_card_with_sixty_percent_in_order_of_time():
    day = experiments.hot_day(100)
    assert len(day) == 100
    assert sum(event.payment_id.startswith("hot-") for event in day) == 60
    assert [event.at for event in day] == sorted(event.at for event in day)
    assert len({event.payment_id for event in day}) == 100


def test_rates_are_told_by_partitions_and_by_readers():
    assert experiments.draw_writes({1: 500.4, 3: 1_500.0}, [1, 3, 6], True).alt == (
        "The brokers acknowledged 500 events/s with 1 partition, 1,500 events/s with 3 partitions."
    )
    assert experiments.draw_writes({1: 490.0, 3: 900.0, 6: 910.0}, [1, 3, 6], True).alt.endswith(
        " With 3 and 6 partitions, the machine itself was the limit: the quota allows about 1,500 and 1,500 events/s."
    )
    assert experiments.draw_writes({1: 5_000.0}, [1], False).alt.endswith("the machine itself was the limit.")
    drawn = experiments.draw_reads({2: [180.0, 190.0], 4: [150.0, 150.0, 0.0]}, [2, 4], 2)
    assert drawn.alt == "The group handled 370 events/s with 2 readers, 300 events/s with 4 readers (1 idle)."


def test_a_lag_is_told_with_the_time_at_which_it_was_read():
    lags = {0: [(0.0, 5), (1.5, 0)], 1: [(0.0, 90), (2.0, 40)], 2: []}
    assert experiments.draw_lag(lags).alt == (
        "Partition 0 had 5 events, all read after 1.5 s. Partition 1 had 90 events. "
        "Other cards share partition 1 with the hot one, so it has more than 60%: 95%."
    )
    assert "share" not in experiments.draw_lag({0: [(0.0, 40)], 1: [(0.0, 60)]}).alt
    assert experiments.draw_lag({0: []}).alt == ""


@pytest.mark.parametrize("separator", [*"-:/_.,@|# +;=~", "", " · "])
@pytest.mark.parametrize("form", ["{0.card}{1}{0.terminal}", "{0.terminal}{1}{0.card}", "{0.terminal}"])
def test_any_key_of_card_and_terminal_relieves_the_hot_partition(separator: str, form: str):
    day = experiments.hot_day(600)
    keys = [form.format(event, separator).encode() for event in day]
    share = Counter((murmur2(key) & 0x7FFFFFFF) % 4 for key in keys)
    assert max(share.values()) < 0.4 * len(day), "the check of exercise 2 would refuse this key by the luck of the hash"


def test_options_of_members_survive_the_way_to_their_process():
    options = {"partition_assignment_strategy": [RangePartitionAssignor], "session_timeout_ms": 6_000}
    assert group_member.from_json(group_member.as_json(options)) == options
    assert group_member.from_json(group_member.as_json({"group.protocol": "consumer"})) == {
        "group.protocol": "consumer"
    }


def test_partitions_are_there_when_the_producer_knows_them():
    known = [{0, 1, 2, 3}, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4, 5}]
    experiments.wait_for_partitions(SimpleNamespace(partitions_for=lambda topic: known.pop(0)), "growing", 6)
    assert known == []
