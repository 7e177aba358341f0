"""Reading a topic up to its end, from a log that is a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition
from workshop.base.errors import WorkshopError
from workshop.kafka import consume
from workshop.kafka.handle import Kafka


@dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    key: bytes = b""


@dataclass
class Consumer:
    """A consumer of a topic with the partitions 0 and 1; it hands over two records per poll, also beyond the end."""

    log: dict[int, list[Record]]
    ends: dict[int, int]
    options: dict
    stuck: bool = False
    places: dict[TopicPartition, int] = field(default_factory=dict)
    closed: bool = False

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(self.log) if topic == "topic" else set()

    def assign(self, places: Iterable[TopicPartition]) -> None:
        self.places = dict.fromkeys(places, 0)

    def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self.ends[place.partition] for place in places}

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.places[place] = offset

    def seek_to_beginning(self, *places: TopicPartition) -> None:
        self.places.update(dict.fromkeys(places or self.places, 0))

    def position(self, place: TopicPartition) -> int:
        return self.places[place]

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
        if self.stuck:
            return {}
        found = {place: self.log[place.partition][at : at + 2] for place, at in self.places.items()}
        for place, records in found.items():
            self.places[place] += len(records)
        return {place: records for place, records in found.items() if records}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Consumer:
    log = {number: [Record(number, offset, b"card-%d" % number) for offset in range(6)] for number in (1, 0)}
    made = Consumer(log, {0: 3, 1: 6}, {})

    def make(**options: object) -> Consumer:
        made.options = options
        return made

    monkeypatch.setattr(consume, "KafkaConsumer", make)
    return made


def places_of(records: list[Record]) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for record in records]


def test_everything_is_read_partition_by_partition_up_to_the_end_of_this_moment(consumer: Consumer):
    found = consume.read_all(Kafka({"bootstrap_servers": []}), "topic", check_crcs=False)
    assert places_of(found) == [(0, 0), (0, 1), (0, 2), *[(1, offset) for offset in range(6)]]
    assert consumer.options == {"bootstrap_servers": [], "check_crcs": False}
    assert consumer.closed


def test_committed_records_are_read_up_to_the_end_of_the_last_commit(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
):
    def ends(kafka: dict, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        assert [place.partition for place in places] == [1]  # the end of the other partition is given
        return dict.fromkeys(places, 4)

    monkeypatch.setattr(consume, "committed_ends", ends)
    found = consume.read_partitions({}, "topic", None, until={0: 1}, isolation_level="read_committed")
    assert places_of(found) == [(0, 0), *[(1, offset) for offset in range(4)]]


def test_some_partitions_are_read_between_given_offsets(consumer: Consumer):
    found = consume.read_partitions({}, "topic", [1], first={1: 2}, until={1: 5})
    assert places_of(found) == [(1, 2), (1, 3), (1, 4)]


def test_a_topic_that_does_not_exist_is_named(consumer: Consumer):
    with pytest.raises(WorkshopError, match="There is no topic 'gone'"):
        consume.read_all(Kafka({}), "gone")
    assert consumer.closed


def test_brokers_that_stop_answering_end_the_reading(consumer: Consumer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(consume, "PATIENCE", 0.0)
    consumer.stuck = True
    with pytest.raises(WorkshopError, match="Reading topic 'topic' stopped"):
        consume.read_all(Kafka({}), "topic")


def test_the_numbers_of_partitions_are_in_order(consumer: Consumer):
    assert consume.partitions_of(Kafka({}), "topic") == [0, 1]


def test_the_partition_of_a_key(consumer: Consumer):
    assert consume.partition_of_key(Kafka({}), "topic", b"card-1") == 1
    assert consume.partition_of_key(Kafka({}), "topic", b"card-9") is None
