"""Members of a consumer group that read in the background, a thread each, and remember what they saw."""

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
        records: what it has read, in order.
        assignments: pairs of a time (`time.monotonic()`) and the partitions that it held from then on.
        trouble: the error that ended it, or None.
    """

    def __init__(self, ws: Kafka, topic: str, group: str, name: str, work: float = 0.0, **options: object) -> None:
        """Args: work: seconds that each event takes to handle; options: for `KafkaConsumer`."""
        super().__init__(name=name, daemon=True)
        self.records: list = []
        self.assignments: list[tuple[float, frozenset[int]]] = []
        self.trouble: Exception | None = None
        self._work, self._topic = work, topic
        self._end = threading.Event()
        self._may_read = threading.Event()
        self._may_read.set()
        # A member learns of a rebalance from its next heartbeat: by default that takes up to three seconds.
        settings = {"auto_offset_reset": "earliest", "heartbeat_interval_ms": 300, **options}
        self._consumer = KafkaConsumer(**ws.kafka, group_id=group, client_id=name, **settings)

    @property
    def partitions(self) -> frozenset[int]:
        """What it holds now."""
        return self.assignments[-1][1] if self.assignments else frozenset()

    def run(self) -> None:
        """Poll, handle, remember; ends when told to, or with `trouble`."""
        try:
            self._consumer.subscribe([self._topic])
            while not self._end.is_set():
                polled = self._consumer.poll(timeout_ms=100, max_records=50)
                self._note_assignment()
                for records in polled.values():
                    self._handle(records)
        except Exception as error:  # told by `check`, in the thread that waits
            self.trouble = error
        finally:
            self._consumer.close(timeout_ms=5_000)

    def hold(self) -> None:
        """Be a member, but handle nothing until `go`."""
        self._may_read.clear()

    def go(self) -> None:
        """Begin to handle events."""
        self._may_read.set()

    def stop(self) -> None:
        """Leave the group politely, and wait until that is done."""
        self._end.set()
        self.join(20)

    def check(self) -> None:
        """Raise what ended this reader, as a sentence."""
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
    """Start readers; whatever happens, all of them have left in the end."""
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
    """Wait until a condition holds; a reader that ended in trouble ends the waiting."""
    readers = list(readers)

    def probe() -> bool:
        for reader in readers:
            reader.check()
        return condition()

    wait_until(probe, timeout, what)


def wait_until_shared(readers: Iterable[Reader], partitions: int) -> None:
    """Wait until the members of one group hold all partitions between them, none of them two times."""
    readers = list(readers)

    def shared() -> bool:
        held = [number for reader in readers for number in reader.partitions]
        busy = sum(bool(reader.partitions) for reader in readers)
        return sorted(held) == list(range(partitions)) and busy == min(len(readers), partitions)

    wait_for(readers, shared, "the group to share its partitions")
