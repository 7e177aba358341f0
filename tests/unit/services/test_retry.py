"""The repetition of a service's work: after an error of Kafka, until the service is told to leave."""

from __future__ import annotations

import logging

import pytest
from kafka.errors import KafkaTimeoutError
from services.runtime import retry
from workshop.base.errors import WorkshopError


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE", 0.0)


def test_an_error_of_kafka_begins_the_work_anew_and_each_restart_is_told(caplog: pytest.LogCaptureFixture):
    leaving: list[int] = []
    restarts: list[int] = []
    errors: list[Exception] = [KafkaTimeoutError("frozen"), WorkshopError("There is no topic.")]

    def attempt() -> None:
        if errors:
            raise errors.pop(0)
        leaving.append(15)

    with caplog.at_level(logging.WARNING):
        retry.persevere(attempt, leaving, lambda: restarts.append(len(errors)))
    assert restarts == [1, 0]
    assert "KafkaTimeoutError: KafkaTimeoutError: frozen" in caplog.messages[0]
    assert "WorkshopError: There is no topic." in caplog.messages[1]


def test_work_that_returns_early_is_done_again_without_counting_as_a_restart():
    leaving: list[int] = []
    rounds: list[int] = []

    def attempt() -> None:
        rounds.append(1)
        if len(rounds) == 3:
            leaving.append(15)

    retry.persevere(attempt, leaving, lambda: pytest.fail("no restart"))
    assert len(rounds) == 3


def test_a_service_that_is_told_to_leave_before_it_starts_does_nothing():
    retry.persevere(lambda: pytest.fail("no attempt"), [15])


def test_a_defect_of_the_service_ends_it():
    with pytest.raises(ZeroDivisionError):
        retry.persevere(lambda: 1 / 0, [], lambda: pytest.fail("no restart"))
