"""Publication: transactions that are repeated, resumed publications, and the sentences for errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from workshop.base.errors import WorkshopError
from workshop.ingest import publications
from workshop.ingest.columns import Refused
from workshop.ingest.publication_kinds import Part
from workshop.ingest.publication_notes import Note
from workshop.ingest.publications import _Source
from workshop.kafka.handle import Kafka


def failure(code: int = KafkaError._FAIL, **about: bool) -> KafkaException:
    return KafkaException(KafkaError(code, "why", **about))


class Producer:
    """A producer that keeps what was committed, and fails as a test says."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)  # of each commit
        self.open: list[tuple[str, bytes, bytes]] = []
        self.committed: list[tuple[str, bytes, bytes]] = []
        self.aborted = 0
        self.full = 0  # how often the queue is full

    def begin_transaction(self) -> None:
        self.open = []

    def produce(self, topic: str, value: bytes, key: bytes, **more: object) -> None:
        if self.full:
            self.full -= 1
            raise BufferError
        self.open.append((topic, key, value))

    def poll(self, seconds: float) -> None:
        """Let some of the queue go."""

    def commit_transaction(self, seconds: float) -> None:
        if self.failures and (error := self.failures.pop(0)):
            raise error
        self.committed += self.open

    def abort_transaction(self, seconds: float) -> None:
        self.aborted += 1

    def values(self, topic: str) -> list[bytes]:
        return [value for found, _, value in self.committed if found == topic]


class Kind:
    """Three chunks of one row each, of which the second one is refused."""

    refused_type = "PaymentRefused"

    def parts(self, prepared: object, chunk: int) -> Iterator[Part]:
        yield Part([(b"k", b"one", 1, [])], [], 0.3)
        yield Part([], [Refused(3, "it is no payment", "r" * 20_000)], 0.6)
        yield Part([(b"k", b"three", 3, [])], [], 1.0)


@pytest.fixture
def source() -> _Source:
    prepared = SimpleNamespace(table=SimpleNamespace(path=Path("/data/log.csv")), sha="abc" * 20)
    return _Source(prepared, "cards", Kind())


def publish(source: _Source, producer: Producer, note: Note | None = None) -> tuple[Note, list[float]]:
    shares: list[float] = []
    done = publications._publish(producer, source, note or Note("topic-id", 1), shares.append)
    return done, shares


def test_each_chunk_is_a_transaction_with_a_note_of_how_far_it_is(source: _Source):
    producer = Producer()
    done, shares = publish(source, producer)
    assert (done.accepted, done.refused, done.complete) == (2, 1, True)
    assert producer.values("cards") == [b"one", b"three"]
    notes = [json.loads(value) for value in producer.values("publications")]
    assert [(note["accepted"], note["refused"], note["complete"]) for note in notes] == [
        (1, 0, False),
        (1, 1, False),
        (2, 1, False),
        (2, 1, True),
    ]
    assert shares == [0.3, 0.6, 1.0]


def test_a_refused_row_is_a_dead_letter_with_its_line_and_not_too_long(source: _Source):
    producer = Producer()
    publish(source, producer)
    ((_, key, value),) = [one for one in producer.committed if one[0] == "cards-dead-letters"]
    letter = json.loads(value)
    assert key == b"abcabcabcabc-3"
    assert (letter["file"], letter["line"], letter["reason"]) == ("log.csv", 3, "it is no payment")
    assert len(letter["raw"]) == publications.LONGEST_RAW


@pytest.mark.parametrize(("accepted", "refused", "left"), [(1, 0, [b"three"]), (1, 1, [b"three"]), (2, 1, [])])
def test_a_publication_goes_on_after_its_last_note(source: _Source, accepted: int, refused: int, left: list[bytes]):
    producer = Producer()
    done, _ = publish(source, producer, Note("topic-id", 1, accepted, refused))
    assert producer.values("cards") == left
    assert (done.accepted, done.refused, done.complete) == (2, 1, True)


def run(producer: Producer, send: Callable[[], None] | None = None) -> None:
    publications._transaction(producer, send or (lambda: producer.produce("cards", b"v", b"k")))


def test_a_transaction_that_kafka_aborted_is_sent_once_more(source: _Source):
    producer = Producer(failure(txn_requires_abort=True), None)
    run(producer)
    assert producer.aborted == 1
    assert producer.values("cards") == [b"v"]


def test_a_transaction_that_is_aborted_every_time_is_given_up():
    producer = Producer(*[failure(txn_requires_abort=True)] * 5)
    with pytest.raises(KafkaException):
        run(producer)
    assert producer.aborted == publications.ATTEMPTS


def test_a_commit_that_was_not_answered_is_asked_for_again():
    producer = Producer(failure(retriable=True), failure(retriable=True), None)
    run(producer)
    assert producer.values("cards") == [b"v"]


def test_a_fatal_error_is_raised_at_once():
    producer = Producer(failure(KafkaError._FENCED, fatal=True))
    with pytest.raises(KafkaException):
        run(producer)
    assert producer.aborted == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interruption_leaves_no_transaction_open(error: type[BaseException]):
    def send() -> None:
        raise error

    producer = Producer()
    with pytest.raises(error):
        run(producer, send)
    assert producer.aborted == 1


def test_a_full_queue_is_waited_for():
    producer = Producer()
    producer.full = 3
    publications._produce(producer, "cards", b"k", b"v", 0, [])
    assert len(producer.open) == 1


@pytest.mark.parametrize("topic", ["", "a b", ".", "..", "publications", "x-dead-letters", "é", "x" * 231])
def test_a_topic_that_cannot_hold_a_log_is_refused_before_kafka_is_asked(topic: str):
    with pytest.raises(WorkshopError, match="cannot be published to a topic named"):
        publications._prepare(Kafka({}), topic)


@pytest.mark.parametrize("code", publications.FENCED)
def test_a_publisher_that_was_replaced_is_told_so(code: int):
    assert "Another publisher of the same file took over" in publications._sentence(KafkaError(code), "cards").happened


def test_another_error_is_told_in_its_own_words():
    found = publications._sentence(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not yours"), "cards")
    assert found.happened == "Kafka did not accept the rows for 'cards': not yours."
    assert "no row is lost or duplicated" in found.next_step
