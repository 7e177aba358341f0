"""Publishing and replay of event logs of any field, with the guarantees of a log of payments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException

from workshop.base.errors import WorkshopError
from workshop.domain.event_logs import LoggedEvent, MalformedLogEvent, Totals
from workshop.ingest.columns import Refused
from workshop.ingest.event_log_rows import CHUNK, Events, Reading, events
from workshop.ingest.hints import Hints
from workshop.ingest.prepared import Prepared, prepare
from workshop.ingest.publication_kinds import Part
from workshop.ingest.publications import Publication, publish_file
from workshop.kafka.handle import Kafka


@dataclass(frozen=True)
class PublishedLog:
    """The result of publishing a log.

    Attributes:
        publication: the numbers of rows in the topic and of refused rows.
        totals: the totals of the accepted rows.
        unnamed: the number of accepted rows with an empty case.
        first_refused: the first refused row.
    """

    publication: Publication
    totals: Totals
    unnamed: int
    first_refused: Refused | None


class _Log:
    """The rows of a log as records, with their totals."""

    refused_type = "EventRefused"

    def __init__(self, reading: Reading, hints: Hints | None) -> None:
        self._reading, self._hints = reading, hints
        self.was_read = False
        self._forget()

    def prepare(self, path: Path) -> Prepared:
        """Examine the whole file.

        Raises:
            WorkshopError: the file cannot be read, a column is missing, or the times are ambiguous.
        """
        self.prepared = prepare(path, self._reading.columns(), self._hints)
        self.prepared.check()
        return self.prepared

    def reading(self, prepared: Prepared) -> str:
        """Return a text about the way in which the file is read."""
        return ", ".join(filter(None, [str(self._reading), prepared.reading]))

    def parts(self, prepared: Prepared, chunk: int) -> Iterator[Part]:
        """Yield the file's records, chunk by chunk."""
        self._forget()
        self.was_read = True
        for found in events(prepared, self._reading, chunk):
            self._count(found)
            records = [(e.key(), e.value(), e.timestamp_ms(), e.headers()) for e in found.events]
            yield Part(records, found.refused, found.share)

    def _forget(self) -> None:
        self.totals, self.unnamed = Totals(), 0
        self.first_refused: Refused | None = None

    def _count(self, found: Events) -> None:
        self.first_refused = self.first_refused or next(iter(found.refused), None)
        self.unnamed += found.unnamed
        for event in found.events:
            self.totals.add(event)


def publish_log(
    ws: Kafka,
    path: Path,
    topic: str,
    reading: Reading,
    progress: Callable[[float], None] | None = None,
    hints: Hints | None = None,
) -> PublishedLog:
    """Publish each row of a log exactly once, as an event with the case as key.

    `workshop.ingest.publications` describes the guarantees.

    Raises:
        WorkshopError: the file or the topic is not suitable, or the brokers do not answer; the same call resumes later.
    """
    path, log = Path(path), _Log(reading, hints)
    done = publish_file(ws, path, topic, progress, log)
    if not log.was_read:  # an earlier call had published all of it
        for _ in log.parts(log.prepared, CHUNK):
            pass
    return PublishedLog(done, log.totals, log.unnamed, log.first_refused)


def replay_log(ws: Kafka, topic: str) -> list[LoggedEvent]:
    """Return all committed events of a log up to now, ordered by partition and offset.

    So the events of a case are in the order in which they were written.

    Raises:
        WorkshopError: the topic does not exist, its brokers stopped answering, or a record is not an event of a log.
    """
    from workshop.ingest.replay import batches  # pandas and pyarrow take a moment to load

    places: list[tuple[int, int, bytes | None]] = []
    try:
        for batch, _ in batches(ws, topic):
            places += zip(batch.partitions, batch.offsets, batch.values, strict=True)
    except KafkaException as error:
        raise WorkshopError(
            f"Reading topic '{topic}' stopped: {error.args[0].str()}.", "`workshop status` shows what runs."
        ) from None
    return [_event(topic, *place) for place in sorted(places, key=lambda place: place[:2])]


def _event(topic: str, partition: int, offset: int, value: bytes | None) -> LoggedEvent:
    try:
        return LoggedEvent.parse(value)
    except MalformedLogEvent as reason:
        raise WorkshopError(
            f"The record at offset {offset} of partition {partition} of '{topic}' is no event of a log: {reason}.",
            "Replay a topic that `workshop data publish` wrote.",
        ) from None
