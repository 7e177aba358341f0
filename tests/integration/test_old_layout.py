"""A checkout with the old folder layout, without a folder per backend: its stack keeps its data."""

from __future__ import annotations

import shutil
from contextlib import closing

from kafka import KafkaProducer
from rich.console import Console
from workshop.base import learner_progress, stack_folders
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.kafka import consume, topics
from workshop.kafka.handle import Kafka
from workshop.stack import lifecycle
from workshop.stack.backends.choice import made_here

EVENTS = {f"event {number}".encode() for number in range(100)}


def up(settings: Settings) -> dict:
    return lifecycle.up(settings, Timeline(Console(quiet=True)), with_lab=False)


def test_a_stack_of_the_old_layout_keeps_its_events(stack: Settings):
    kafka = up(stack)["kafka"]
    topics.create(kafka, [topics.Topic("kept", configs=topics.FOR_EVER)])
    with closing(KafkaProducer(**kafka, acks="all")) as producer:
        for sent in [producer.send("kept", value=event) for event in EVENTS]:
            sent.get(timeout=60)
    learner_progress.record(stack, "00.1")
    lifecycle.down(stack)

    # The old layout: everything in one folder, and no file with the name of the backend.
    (stack.common / stack_folders.LAST).unlink()
    shutil.rmtree(stack.common / "home")
    for entry in stack.state.iterdir():
        entry.rename(stack.common / entry.name)
    stack.state.rmdir()

    old = stack.of("local")
    assert old.state == stack.common
    try:
        endpoints = up(stack)
        assert made_here(old).name == "local"
        assert sorted(Processes(old.state).running()) == ["kafka-1", "kafka-2", "kafka-3"]
        assert not stack.state.exists(), "nothing was made beside it"
        found = consume.read_all(Kafka(endpoints["kafka"]), "kept")
        assert {record.value for record in found} == EVENTS
        assert list(learner_progress.read(old)) == ["00.1"]
    finally:
        lifecycle.down(old)

    assert lifecycle.reset(old) == "local"
    assert [entry.name for entry in stack.common.iterdir()] == ["lock"]
    assert stack.of("local").state == stack.common / "local", "the next one has a folder of its own"
