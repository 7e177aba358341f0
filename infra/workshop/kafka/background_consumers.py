"""Background members of a consumer group: one thread each, which records events and assignments."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until
from workshop.kafka.handle import Kafka


class Reader(threading.Thread):
    """A consumer that polls until it is stopped.

    Attributes:
        records: the records that were handled, in order.
        assignments: pairs of a time (`time.monotonic()`) and the partitions that were assigned from then on.
        trouble: the error that ended the thread, or None.
    """

    def __init__(self, ws: Kafka, topic: str, group: str, name: str, work: float = 0.0, **options: object) -> None:
        """Args: work: seconds for the handling of each event; options: for `KafkaConsumer`."""
        super().__init__(name=name, daemon=True)
        self.records: list = []
        self.assignments: list[tuple[float, frozenset[int]]] = []
        self.trouble: Exception | None = None
        self._work, self._topic = work, topic
        self._end = threading.Event()
        self._may_read = threading.Event()
        self._may_read.set()
        # The answer to a heartbeat announces a rebalance to a member, by default after up to three seconds.
        settings = {"auto_offset_reset": "earliest", "heartbeat_interval_ms": 300, **options}
        self._consumer = KafkaConsumer(**ws.kafka, group_id=group, client_id=name, **settings)

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are assigned now."""
        return self.assignments[-1][1] if self.assignments else frozenset()

    def run(self) -> None:
        """Poll and handle events until `stop`, or until an error, which is stored in `trouble`."""
        try:
            self._consumer.subscribe([self._topic])
            while not self._end.is_set():
                polled = self._consumer.poll(timeout_ms=100, max_records=50)
                self._note_assignment()
                for records in polled.values():
                    self._handle(records)
        except Exception as error:  # `check` raises it in the waiting thread
            self.trouble = error
        finally:
            self._consumer.close(timeout_ms=5_000)

    def hold(self) -> None:
        """Stay a member of the group, but handle nothing until `go`."""
        self._may_read.clear()

    def go(self) -> None:
        """Start to handle events."""
        self._may_read.set()

    def stop(self) -> None:
        """Leave the group, and wait until that is done."""
        self._end.set()
        self.join(20)

    def check(self) -> None:
        """Raise the error that ended this reader, if any."""
        if isinstance(self.trouble, KafkaError):
            raise WorkshopError(f"Reader {self.name} ended: {self.trouble}.", "Run the cells of this section again.")
        if self.trouble:
            raise self.trouble

    def _handle(self, records: list) -> None:
        for record in records:
            while not self._may_read.wait(0.1) and not self._end.is_set():
                pass
            if self._end.is_set():
                return
            if self._work:
                time.sleep(self._work)
            self.records.append(record)

    def _note_assignment(self) -> None:
        held = frozenset(partition.partition for partition in self._consumer.assignment())
        if held != self.partitions:
            self.assignments.append((time.monotonic(), held))


@contextmanager
def reading(readers: Iterable[Reader]) -> Iterator[list[Reader]]:
    """Start readers, and stop all of them at the end of the block, also after an error."""
    readers = list(readers)
    try:
        for reader in readers:
            reader.start()
        yield readers
    finally:
        for reader in readers:
            reader._end.set()
        for reader in readers:
            reader.stop()


def wait_for(readers: Iterable[Reader], condition: Callable[[], bool], what: str, timeout: float = 60) -> None:
    """Wait until a condition holds; the error of a reader ends the wait."""
    readers = list(readers)

    def probe() -> bool:
        for reader in readers:
            reader.check()
        return condition()

    wait_until(probe, timeout, what)


def wait_until_shared(readers: Iterable[Reader], partitions: int) -> None:
    """Wait until the members of one group share all partitions, each with exactly one member."""
    readers = list(readers)

    def shared() -> bool:
        held = [number for reader in readers for number in reader.partitions]
        busy = sum(bool(reader.partitions) for reader in readers)
        return sorted(held) == list(range(partitions)) and busy == min(len(readers), partitions)

    wait_for(readers, shared, "the group to share its partitions")
