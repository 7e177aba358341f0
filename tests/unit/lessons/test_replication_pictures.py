"""The pictures of lesson 03: their texts state what was seen."""

from __future__ import annotations

from collections import Counter

import pytest
from workshop.kafka.ledger import Reconciled
from workshop.lessons.replication import pictures
from workshop.lessons.replication.observations import Kill


def partition(number: int, leader: int, in_sync: list[int]) -> dict:
    return {
        "partition_index": number,
        "leader_id": leader,
        "replica_nodes": [1, 2, 3],
        "isr_nodes": in_sync,
    }


def test_replicas_are_told_partition_by_partition(monkeypatch: pytest.MonkeyPatch):
    found = [partition(0, 2, [3, 2, 1]), partition(1, -1, [3])]
    monkeypatch.setattr(pictures, "partitions", lambda ws, topic: found)
    drawn = pictures.draw_replicas(None, "topic")
    assert drawn.alt == (
        "partition 0 is led by 2, in sync are [1, 2, 3]; partition 1 is led by nobody, in sync are [3]"
    )


def reconciled(acknowledged: set[int], failed: set[int], **times: int) -> Reconciled:
    counts = Counter({int(number.removeprefix("n")): count for number, count in times.items()})
    return Reconciled(counts, frozenset(acknowledged), frozenset(failed))


@pytest.mark.parametrize(("acks", "gap"), [("all", "; the longest gap is 2.5 s"), (1, "")])
def test_a_gap_over_all_partitions_is_told_for_acks_all_only(acks: object, gap: str):
    seen = Kill(acks, 1, [0.0, 0.5, 3.0, 3.1], killed=0.4, elected=2.9)
    assert pictures.draw_kill(seen).alt == f"4 payments acknowledged{gap}"


def test_a_kill_that_was_reconciled_tells_what_was_lost_and_duplicated():
    seen = Kill("all", 1, [0.0, 0.5], killed=0.4, result=reconciled({0, 1, 2}, set(), n0=1, n1=2))
    assert pictures.draw_kill(seen).alt == "2 payments acknowledged; lost 1, duplicated 1"


def test_a_kill_is_drawn_from_its_beginning():
    assert pictures.draw_kill(Kill("all", 1, [])).alt == "0 payments acknowledged"


def test_each_payment_is_one_square_of_one_kind():
    found = reconciled({0, 1, 2}, {3, 4}, n0=1, n1=3, n3=1)
    assert pictures.draw_squares(found, count=5).alt == (
        "■ acknowledged and in the log: 1   ✖ acknowledged and lost: 1   "
        "◆ in the log twice or more: 1   □ timed out: unknown to the producer: 2"
    )


def test_the_picture_of_squares_is_an_image_with_its_text():
    bundle = pictures.draw_squares(reconciled({0}, set(), n0=1), count=1)._repr_mimebundle_()
    assert bundle["text/plain"] == "[picture] ■ acknowledged and in the log: 1"
    assert 'alt="■ acknowledged and in the log: 1"' in bundle["text/html"]
