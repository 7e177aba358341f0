"""Lesson 01: the groups for which consumers were made are known, also if they commit nothing."""

from __future__ import annotations

import pytest
from kafka import KafkaConsumer
from workshop.lessons.events_and_topics import made_consumers


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_consumers, "_groups", set())
    monkeypatch.setattr(made_consumers, "_make", lambda consumer, *topics, **configs: None)
    monkeypatch.setattr(KafkaConsumer, "__init__", KafkaConsumer.__init__)  # put back afterwards
    monkeypatch.setattr(KafkaConsumer, "__del__", lambda consumer: None, raising=False)
    made_consumers.note()


def test_the_group_of_a_consumer_is_noted_and_one_without_is_not():
    KafkaConsumer("topic", group_id="debits")
    KafkaConsumer("topic")
    assert made_consumers.groups() == {"debits"}


def test_noting_twice_wraps_once():
    before = KafkaConsumer.__init__
    made_consumers.note()
    assert KafkaConsumer.__init__ is before
