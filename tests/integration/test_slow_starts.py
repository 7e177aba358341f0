"""Starts with a slow or dead component: progress messages name it, and an existing stack is never removed."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from rich.console import Console
from workshop.base import endpoints as endpoints_file
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.timeline import Running, Timeline
from workshop.base.waiting import wait_until
from workshop.kafka import topics
from workshop.kafka.repairs import client
from workshop.stack import lifecycle

BROKERS = ["kafka-1", "kafka-2", "kafka-3"]


class Listening(Timeline):
    """A timeline that passes the messages of its steps to a function."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__(Console(file=io.StringIO()))
        self._hear = hear

    @contextmanager
    def step(self, name: str, total: int = 0) -> Iterator[Running]:
        """Run a step and pass on its messages."""
        with super().step(name, total) as running:
            running.tell = self._hear
            yield running


def up(settings: Settings, hear: Callable[[str], None] = lambda text: None) -> dict:
    return lifecycle.up(settings, Listening(hear), with_lab=False)


def running(settings: Settings) -> dict[str, psutil.Process]:
    return Processes(settings.state).running()


@contextmanager
def frozen_at_its_start(settings: Settings, name: str) -> Iterator[None]:
    """Freeze a component as soon as it is started."""
    processes, over = Processes(settings.state), threading.Event()

    def freeze() -> None:
        while not over.wait(0.005):
            if (found := processes.recorded(name)) is not None:
                found.suspend()
                return

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yield a stack that was started once: brokers without Kubernetes, with the story's topics."""
    home = tmp_path_factory.mktemp("slow") / "state with a space"
    settings = replace(Settings.load(), home=home, state=home / "local", patience=240.0, kubernetes=False)
    up(settings)
    yield settings
    lifecycle.down(settings)


@pytest.fixture
def stopped(made: Settings) -> Settings:
    """Stop that stack and return its settings."""
    lifecycle.down(made)
    return made


def test_a_broker_that_is_slow_is_waited_for_and_named(stopped: Settings):
    heard: list[str] = []

    def thaw(text: str) -> None:
        heard.append(text)
        if text == "waiting for broker 3 to be listening (2 of 3)":
            running(stopped)["kafka-3"].resume()

    with frozen_at_its_start(stopped, "kafka-3"):
        up(stopped, thaw)
    assert "waiting for broker 3 to be listening (2 of 3)" in heard
    assert sorted(running(stopped)) == BROKERS


def test_a_start_that_fails_leaves_a_stack_as_it_was_and_the_next_one_goes_on(stopped: Settings):
    before = stopped.endpoints_file.read_text()
    with frozen_at_its_start(stopped, "kafka-3"), pytest.raises(WorkshopError) as raised:
        up(replace(stopped, patience=3))  # a frozen broker makes no progress, on a machine of any speed
    assert "broker" in raised.value.happened
    assert "3 to be listening" in raised.value.happened
    assert "run `workshop up` again" in raised.value.next_step
    left = running(stopped)
    assert sorted(left) == BROKERS
    assert stopped.endpoints_file.read_text() == before

    assert endpoints_file.read(stopped) == up(stopped)
    assert {name: process.pid for name, process in running(stopped).items()} == {n: p.pid for n, p in left.items()}


def test_a_first_start_that_fails_is_undone(stack: Settings):
    with frozen_at_its_start(stack, "kafka-3"), pytest.raises(WorkshopError, match="3 to be listening"):
        up(replace(stack, patience=3))
    assert running(stack) == {}
    assert not stack.endpoints_file.exists()


def test_a_command_that_is_killed_in_the_middle_is_finished_by_the_next(stopped: Settings):
    env = {**os.environ, "WORKSHOP_STATE": str(stopped.common), "WORKSHOP_KUBERNETES": "off"}
    program = [sys.executable, "-m", "workshop.cli.main", "up", "--no-lab"]
    with subprocess.Popen(program, env=env, stderr=subprocess.DEVNULL, start_new_session=True) as half:
        wait_until(lambda: len(running(stopped)) >= 2, 240, "two brokers to be started", every=0.01)
        half.kill()
    left = {name: process.pid for name, process in running(stopped).items()}
    up(stopped)
    assert sorted(running(stopped)) == BROKERS
    assert left.items() <= {name: process.pid for name, process in running(stopped).items()}.items()


def test_a_producer_that_cannot_send_is_closed_without_noise(stopped: Settings, monkeypatch: pytest.MonkeyPatch):
    client.apply()
    endpoints = up(stopped)
    topics.create(endpoints["kafka"], [topics.Topic("unsent")])
    noise: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", noise.append)
    producer = KafkaProducer(**endpoints["kafka"], acks="all")
    producer.send("unsent", value=b"sent").get(timeout=60)
    brokers = list(running(stopped).values())
    for broker in brokers:
        broker.send_signal(signal.SIGSTOP)
    try:
        unsent = producer.send("unsent", value=b"held")
        with pytest.raises(KafkaTimeoutError):
            producer.close(timeout=0.5)
        sender = producer._sender
        del producer
        gc.collect()
        assert noise == []
    finally:
        for broker in brokers:
            broker.send_signal(signal.SIGCONT)
    sender.join(60)
    assert not sender.is_alive(), "its thread has ended"
    assert unsent.is_done
