"""The pictures of lesson 03: their captions state what was seen."""

from __future__ import annotations

from collections import Counter

import pytest
from workshop.kafka.ledger import Reconciled
from workshop.lessons.replication import pictures
from workshop.lessons.replication.observations import Kill
from workshop.notebook.pictures import as_sentence


def partition(number: int, leader: int, in_sync: list[int]) -> dict:
    return {
        "partition_index": number,
        "leader_id": leader,
        "replica_nodes": [1, 2, 3],
        "isr_nodes": in_sync,
    }


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            [partition(0, 2, [3, 2, 1]), partition(1, 1, [1, 2, 3])],
            "Broker 2 leads partition 0 and broker 1 leads partition 1. Every replica is in sync.",
        ),
        (
            [partition(0, 2, [1, 2, 3]), partition(1, 1, [1, 2, 3]), partition(2, 3, [1, 2, 3])],
            "Broker 2 leads partition 0, broker 1 leads partition 1 and broker 3 leads partition 2. "
            "Every replica is in sync.",
        ),
        ([partition(0, 1, [1, 3])], "Broker 1 leads partition 0. Not in sync: the replicas on broker 2."),
        ([partition(0, -1, [3])], "Nobody leads partition 0. Not in sync: the replicas on brokers 1 and 2."),
    ],
)
def test_replicas_are_told_in_sentences(found: list[dict], said: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pictures, "partitions", lambda ws, topic: found)
    assert as_sentence(pictures.draw_replicas(None, "topic").alt) == said


def reconciled(acknowledged: set[int], failed: set[int], **times: int) -> Reconciled:
    counts = Counter({int(number.removeprefix("n")): count for number, count in times.items()})
    return Reconciled(counts, frozenset(acknowledged), frozenset(failed))


def test_the_write_gap_and_further_gaps_are_told_with_their_reason():
    times = [0.0, 1.0, 1.1, 3.1, 3.2, 3.6, 3.7]
    seen = Kill(1, times, killed=1.2, elected=2.9, pauses=[(0.2, 0.7)])
    assert pictures.draw_kill(seen).alt == (
        "After the kill nothing was acknowledged for 2.0 s. 2 other gaps, up to 1.0 s: this machine paused in 1 of them. "
        "7 payments were acknowledged."
    )


def test_one_other_gap_of_late_brokers_is_told():
    said = pictures.draw_kill(Kill(1, [0.0, 1.0, 1.1, 3.1], killed=1.2)).alt
    assert "1 other gap of 1.0 s: the brokers answered late." in said


def test_of_many_gaps_that_of_the_kill_and_the_two_longest_others_are_marked():
    times = [0.0, 0.5, 1.1, 1.8, 2.6, 3.0, 3.4]  # each gap is visible
    seen = Kill(1, times, killed=2.5)
    drawn = pictures.draw_kill(seen)
    assert "5 other gaps, up to 0.7 s: the brokers answered late." in drawn.alt
    assert pictures._shown_gaps(seen) == [(1.8, 2.6), (1.1, 1.8), (0.5, 1.1)]
    labels = [text for text in drawn.figure.axes[0].texts if text.get_text().endswith(" s")]
    assert len({text.get_position()[1] for text in labels}) == 3  # neighbours do not overlap


def test_a_pause_within_the_write_gap_is_told():
    said = pictures.draw_kill(Kill(1, [0.0, 1.0], killed=0.1, pauses=[(0.2, 0.7)])).alt
    assert "nothing was acknowledged for 1.0 s; for a part of it this machine paused." in said


def test_a_kill_that_was_compared_with_the_log_tells_what_was_lost_and_duplicated():
    seen = Kill(1, [0.0, 0.1], killed=0.4, result=reconciled({0, 1, 2}, set(), n0=1, n1=2))
    assert pictures.draw_kill(seen).alt == (
        "1 lost, 1 duplicated. The kill stopped the acknowledgements for less than 0.3 s. 2 payments were acknowledged."
    )


def test_bars_above_the_axis_are_told():
    seen = Kill(1, [n / 10_000 for n in range(500)])
    assert pictures.draw_kill(seen).alt == (
        "500 payments were acknowledged. ▲ marks bars of up to 5,000: acknowledgements that came together."
    )


@pytest.mark.parametrize(
    ("times", "said"), [([], "0 payments were acknowledged."), ([0.5], "1 payment was acknowledged.")]
)
def test_a_kill_is_drawn_from_its_beginning(times: list[float], said: str):
    assert pictures.draw_kill(Kill(1, times)).alt == said


def test_each_payment_is_one_square_of_one_kind():
    found = reconciled({0, 1, 2}, {3, 4}, n0=1, n1=3, n3=1)
    assert pictures.draw_squares(found, count=5).alt == (
        "The log has 5 records. 1 payment was acknowledged and written once. "
        "1 payment was acknowledged, and is not there: lost. 1 payment is there twice or more. "
        "2 payments were not acknowledged; 1 of them is in the log."
    )


def test_the_legend_of_squares_has_the_colours_of_the_squares_and_rows_have_numbers():
    found = reconciled({0, 1, 2}, {3, 4}, n0=1, n1=3, n3=1)
    axes = pictures.draw_squares(found, count=50).figure.axes[0]
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "acknowledged, in the log once: 46",
        "acknowledged and lost: 1",
        "in the log twice or more: 1",
        "not acknowledged, in the log: 1",
        "not acknowledged, not in the log: 1",
    ]
    drawn = [tuple(squares.get_facecolor()[0]) for squares in axes.collections]
    assert [tuple(handle.get_facecolor()[0]) for handle in legend.legend_handles] == drawn
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "40"]


def test_squares_of_many_are_told_in_the_plural():
    found = reconciled({0, 1, 2, 3}, {6, 7}, n2=1, n3=1, n4=2, n5=2)
    assert pictures.draw_squares(found, count=8).alt == (
        "The log has 6 records. 2 payments were acknowledged and written once. "
        "2 payments were acknowledged, and are not there: lost. 2 payments are there twice or more. "
        "2 payments were not acknowledged; 0 of them are in the log."
    )


def test_the_picture_of_squares_is_an_image_with_its_text():
    bundle = pictures.draw_squares(reconciled({0}, set(), n0=1), count=1)._repr_mimebundle_()
    said = "The log has 1 record. 1 payment was acknowledged and written once."
    assert bundle["text/plain"] == f"[picture] {said}"
    assert f'alt="{said}"' in bundle["text/html"]
