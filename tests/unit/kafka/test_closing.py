"""The end of a producer whose last events nobody takes."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError
from workshop.kafka.closing import SECONDS, closing_soon


class Producer:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.timeouts: list[float] = []

    def close(self, timeout: float) -> None:
        self.timeouts.append(timeout)
        if self.error:
            raise self.error


def test_a_producer_is_closed_with_a_short_timeout():
    producer = Producer()
    with closing_soon(producer) as given:
        assert given is producer
    assert producer.timeouts == [SECONDS]


def test_an_error_of_kafka_while_closing_is_dropped():
    with closing_soon(Producer(KafkaTimeoutError("nobody takes it"))):
        pass


def test_the_error_of_the_body_is_raised_and_not_that_of_closing():
    producer = Producer(KafkaTimeoutError("while closing"))
    with pytest.raises(ZeroDivisionError), closing_soon(producer):
        raise ZeroDivisionError
    assert producer.timeouts == [SECONDS]


def test_a_defect_while_closing_is_raised():
    with pytest.raises(TypeError), closing_soon(Producer(TypeError("a defect"))):
        pass
