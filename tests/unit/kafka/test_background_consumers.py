"""Background readers of a group: their end, their trouble, and what counts as a shared group."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError
from workshop.base.errors import WorkshopError
from workshop.kafka import background_consumers
from workshop.kafka.background_consumers import Reader, reading, wait_for, wait_until_shared
from workshop.kafka.handle import Kafka


class Consumer:
    """A consumer that hands over numbered records, one per poll."""

    def __init__(self, **options: object) -> None:
        self.options = options
        self.next = 0
        self.held: set[TopicPartition] = set()
        self.closed = False
        self.error: Exception | None = None

    def subscribe(self, topics: list[str]) -> None:
        self.held = {TopicPartition(topics[0], 0)}

    def poll(self, timeout_ms: int, max_records: int) -> dict:
        if self.error:
            raise self.error
        self.next += 1
        return {TopicPartition("topic", 0): [self.next]}

    def assignment(self) -> set[TopicPartition]:
        return self.held

    def close(self, timeout_ms: int) -> None:
        self.closed = True


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(background_consumers, "KafkaConsumer", Consumer)
    return Reader(Kafka({}), "topic", "group", "one", auto_offset_reset="latest")


def test_a_reader_keeps_what_it_read_in_order_and_what_it_held(reader: Reader):
    with reading([reader]):
        wait_for([reader], lambda: len(reader.records) >= 3, "three records")
    assert reader.records[:3] == [1, 2, 3]
    assert reader.partitions == {0}
    assert len(reader.assignments) == 1
    assert reader._consumer.closed


def test_options_of_the_caller_win_over_the_defaults(reader: Reader):
    assert reader._consumer.options["auto_offset_reset"] == "latest"
    assert reader._consumer.options["client_id"] == "one"
    assert reader._consumer.options["heartbeat_interval_ms"] == 300


def test_a_reader_that_is_held_handles_nothing_until_it_may(reader: Reader):
    reader.hold()
    with reading([reader]):
        wait_for([reader], lambda: bool(reader.partitions), "the group")
        assert reader.records == []
        reader.go()
        wait_for([reader], lambda: bool(reader.records), "a record")


def test_a_reader_that_is_held_can_be_stopped(reader: Reader):
    reader.hold()
    with reading([reader]):
        pass
    assert not reader.is_alive()
    assert reader.records == []


def test_trouble_with_kafka_is_told_as_a_sentence_to_the_one_who_waits(reader: Reader):
    reader._consumer.error = KafkaTimeoutError("frozen")
    with reading([reader]), pytest.raises(WorkshopError, match=r"Reader one ended: .*frozen"):
        wait_for([reader], lambda: False, "what never comes")
    assert reader._consumer.closed


def test_a_defect_is_raised_as_it_is(reader: Reader):
    reader._consumer.error = ZeroDivisionError("a defect")
    with reading([reader]), pytest.raises(ZeroDivisionError):
        wait_for([reader], lambda: False, "what never comes")


def test_the_error_of_the_body_is_raised_and_all_readers_have_left(reader: Reader):
    with pytest.raises(KeyError), reading([reader]):
        raise KeyError
    assert not reader.is_alive()
    assert reader._consumer.closed


def members(*held: set[int]) -> list:
    nothing: Callable[[], None] = lambda: None  # noqa: E731
    return [SimpleNamespace(partitions=frozenset(some), check=nothing) for some in held]


@pytest.mark.parametrize("held", [[{0}, {1}, {2}], [{0, 1, 2}], [{0}, {1}, {2}, set()], [{2, 0}, {1}]])
def test_a_group_that_shares_all_partitions_is_not_waited_for(held: list[set[int]]):
    wait_until_shared(members(*held), 3)


@pytest.mark.parametrize("held", [[{0}, {1}], [{0, 1, 2}, set()], [{0, 1}, {1, 2}], [set()]])
def test_a_group_that_does_not_share_all_partitions_is_waited_for(
    held: list[set[int]], monkeypatch: pytest.MonkeyPatch
):
    def once(probe: Callable[[], bool], timeout: float, what: str) -> None:
        assert what == "the group to share its partitions"
        assert not probe()

    monkeypatch.setattr(background_consumers, "wait_until", once)
    wait_until_shared(members(*held), 3)
