"""The pictures of lessons 07 and 08 that show pods: their texts state what was seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from workshop.lessons.microservices_on_kubernetes import pictures
from workshop.load.traffic import Answer
from workshop.notebook.pods import Pod

READY = Pod("payments-7c-abc", "payments", "worker-1", "ready", "", 0, "1")


def test_pods_are_told_node_by_node_and_those_without_a_node_at_the_end():
    pods = [
        READY,
        replace(READY, name="debits-1-x", app="debits", state="leaving"),
        replace(READY, name="payments-7c-def", node="", state="waiting"),
        replace(READY, name="kafka-1", app="kafka", node="worker-2"),
    ]
    drawn = pictures.draw_pods(["worker-1", "worker-2", "worker-3"], pods, after=12.34)
    assert drawn.alt == (
        "node 1: payments ready, debits leaving; node 2: kafka ready; node 3: none; no node: payments waiting"
    )
    assert "after 12.3 s" in drawn.figure.axes[0].get_title(loc="left")


def test_there_is_no_column_for_pods_without_a_node_if_there_are_none():
    assert pictures.draw_pods(["worker-1"], [READY]).alt == "node 1: payments ready"


def test_each_way_is_told_with_the_answers_of_all_pods():
    answered = {"kept open": Counter({"p-b": 9}), "new": Counter({"p-a": 4, "p-b": 5})}
    assert pictures.draw_answers(answered).alt == "kept open: 0, 9; new: 4, 5"


def test_lanes_are_pods_over_time_with_marks():
    restarted = replace(READY, state="not ready", restarts=1)
    other = replace(READY, name="payments-7c-def")
    seen = [(0.0, [READY]), (1.0, [restarted]), (4.0, [READY, other])]
    drawn = pictures.draw_lanes(seen, [(0.6, "killed"), (3.4, "back")])
    assert drawn.alt == "2 pods over time; killed at 1 s; back at 3 s"
    assert "↻" in [text.get_text() for text in drawn.figure.axes[0].texts]


def test_lanes_are_drawn_before_the_first_look():
    assert pictures.draw_lanes([]).alt == "0 pods over time; "


def test_shares_count_what_was_accepted_and_what_failed():
    answers = [
        Answer(0.1, 0.2, 201, "p-a", "1"),
        Answer(0.6, 0.2, 201, "p-b", "2"),
        Answer(0.7, 15.0, 0),
        Answer(0.8, 0.1, 503),
    ]
    assert pictures.draw_share(answers, [(0.5, "new release")]).alt == "2 payments accepted, 2 failed"


def test_shares_are_drawn_without_any_answer():
    assert pictures.draw_share([]).alt == "0 payments accepted, 0 failed"
