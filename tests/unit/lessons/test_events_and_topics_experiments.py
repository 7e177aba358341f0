"""Lesson 01: bookmarks, shares, retention, and reading a number of records."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from workshop.kafka import consume
from workshop.lessons.events_and_topics import experiments


class Consumer:
    """A consumer that hands over batches of records."""

    def __init__(self, *batches: list[int]) -> None:
        self.batches = list(batches)
        self.asked: list[int] = []

    def poll(self, timeout_ms: int, max_records: int) -> dict:
        self.asked.append(max_records)
        return {"place": self.batches.pop(0)} if self.batches else {}


def test_records_are_taken_up_to_a_number_and_no_more_are_asked_for():
    consumer = Consumer([1, 2], [], [3])
    assert experiments.take(consumer, 3) == [1, 2, 3]
    assert consumer.asked == [3, 1, 1]


def test_taking_ends_with_patience():
    assert experiments.take(Consumer([1]), 5, patience=0.0) == []


def test_bookmarks_are_told_by_reader():
    drawn = experiments.draw_bookmarks(20, {"fraud": 5, "billing": 20})
    assert drawn.alt == "fraud has read 5 of 20, billing has read 20 of 20. The log holds all 20."


def test_shares_are_told_by_reader():
    got = {"one": Counter(a=1, b=2), "two": Counter()}
    assert experiments.draw_shares(got, {"one": "g", "two": "g"}).alt == "one read 3 events; two read 0 events"


def test_retention_is_told_by_what_is_still_there():
    seen = {"told": [(0.0, 0, 200), (5.0, 150, 200)], "keeps": []}
    assert experiments.draw_retention(seen, 2.0).alt == "told: 50 of 200 payments are there after 5 s"


def test_what_is_no_payment_is_reported_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    records = [SimpleNamespace(partition=1, offset=7, value=b"{")]
    monkeypatch.setattr(consume, "read_all", lambda ws, topic: records)
    assert experiments.report_malformed(None, "topic") == []
    assert capsys.readouterr().out == "set aside: partition 1, offset 7: it is not JSON\n"
