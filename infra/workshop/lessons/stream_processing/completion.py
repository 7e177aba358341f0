"""The end of a job: the moment at which its group has committed the whole input.

A job flushes its output before it commits. So no output is missing when the committed offsets are the ends of all topics that
the group reads, including the repartition topics that the job itself writes. Silence would be no proof: on a busy machine
a consumer can wait for its group, or for its first record, longer than for any fixed time.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from workshop.base.errors import WorkshopError
from workshop.base.waiting import Seen, over, wait_while_progressing
from workshop.kafka.handle import Kafka

if TYPE_CHECKING:
    from quixstreams import Application

CHANGELOG = "changelog__"
SLOW = "The machine may be busy: run this cell again. If the other jobs are fast, does a function of this job wait?"


class Stop:
    """Stop an application when it has read its input: `with Stop(…) as stop:` around its `run`.

    Attributes:
        reached: whether the group has committed all of its input.
        topics: the topics that the group reads, without its changelogs.
    """

    def __init__(self, ws: Kafka, app: Application, inputs: Collection[str], patience: float) -> None:
        """Note the ends of the input.

        Args:
            inputs: topics that are complete. A job that writes to its own input must not run for ever.
            patience: seconds without progress; see `wait_while_progressing`.

        Raises:
            WorkshopError: a topic of the input does not exist.
        """
        self._ws, self._app, self._patience = ws, app, patience
        self._group = app.config.consumer_group
        self.reached, self.topics = False, frozenset[str]()
        self._error: WorkshopError | None = None
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        with closing(KafkaConsumer(**ws.kafka)) as consumer:
            self._inputs = consumer.end_offsets([place for topic in inputs for place in _places(consumer, topic)])

    def _watch(self) -> None:
        try:
            with closing(self._ws.admin()) as client, closing(KafkaConsumer(**self._ws.kafka)) as consumer:
                wait_while_progressing(lambda: self._look(client, consumer), self._patience, next_step=SLOW, every=0.2)
        except WorkshopError as error:
            self._error = error
        # Repeated: an application that is about to start its loop does not notice the first time.
        self._app.stop()
        while not self._left.wait(0.2):
            self._app.stop()

    def _look(self, client: KafkaAdminClient, consumer: KafkaConsumer) -> Seen[bool]:
        if self._left.is_set():
            return over(True)
        try:
            found = assigned(client.describe_groups([self._group])[self._group])
            if not found:
                return Seen("the job to get its partitions")
            committed = {
                place: one.offset for place, one in client.list_group_offsets([self._group])[self._group].items()
            }
            # After the offsets, so that records which the committed work has written to these topics are counted.
            ends = consumer.end_offsets(found) | {place: end for place, end in self._inputs.items() if place in found}
            begins = consumer.beginning_offsets(found)
        except KafkaError as error:
            return Seen(f"an answer of Kafka about the group {self._group} ({type(error).__name__})")
        self.topics = frozenset(place.topic for place in found)
        done, total = progress(committed, begins, ends)
        if done < total:
            return Seen(f"the job to read its input ({done} of {total} records)")
        self.reached = True
        return over(True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the watch.

        Raises:
            WorkshopError: the job was too slow, or Kafka did not give it its partitions.
        """
        from quixstreams.exceptions import PartitionAssignmentError

        self._left.set()
        self._thread.join()
        if isinstance(error, PartitionAssignmentError):  # seen once on a busy machine, with a changelog that was new
            raise WorkshopError(f"The job did not get its partitions: {error.__cause__ or error}.", SLOW) from error
        if self._error and error is None:
            raise self._error


def _places(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise WorkshopError(f"The topic {topic} does not exist.", "Run the set-up cell of this exercise again.")
    return [TopicPartition(topic, number) for number in numbers]


def assigned(group: Mapping) -> list[TopicPartition]:
    """Return the partitions that the members of a described group read; none during a rebalance. Pure."""
    if group["group_state"] != "Stable":
        return []
    return [
        TopicPartition(one["topic"], number)
        for member in group["members"]
        for one in (member["member_assignment"] or {}).get("assigned_partitions", [])
        if not one["topic"].startswith(CHANGELOG)
        for number in one["partitions"]
    ]


def progress(
    committed: Mapping[TopicPartition, int], begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> tuple[int, int]:
    """Return how many records are committed, and how many there are. Pure."""
    total = sum(end - begins[place] for place, end in ends.items())
    return sum(max(0, min(committed.get(place, 0), end) - begins[place]) for place, end in ends.items()), total
