"""Publisher of payments: a bridge from an asyncio event loop to the threads of the Kafka client."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from kafka import KafkaProducer
from kafka.errors import KafkaError
from workshop.domain.payments import PaymentMade

log = logging.getLogger(__name__)
PATIENCE = 10.0  # seconds within which a payment is acknowledged or refused
CHECK_TOPIC, CHECK_PATIENCE = "workshop-check", 1.0  # topic of test records, and the timeout of a test in seconds
# Retry for a few seconds while brokers are unavailable, then report an error to the caller. A write waits for all in-sync
# replicas, and the client's own retries are written once.
RELIABLE = {
    "acks": "all",
    "enable_idempotence": True,
    "delivery_timeout_ms": 8_000,
    "request_timeout_ms": 4_000,
    "max_block_ms": 3_000,
    "metadata_max_age_ms": 10_000,
    "allow_auto_create_topics": False,
}


class NotAcknowledged(Exception):
    """Kafka did not acknowledge the payment. It may have been written."""


class NotConnected(NotAcknowledged):
    """The publisher has not found Kafka and its topic yet, so nothing was written."""


@dataclass(frozen=True)
class Place:
    """The position of a payment in the topic."""

    partition: int
    offset: int


class Publisher:
    """A producer for one topic, which connects to Kafka in the background until it succeeds.

    An idempotent producer can reach a state in which it refuses every record. It then reports a plain `KafkaError`, and a new
    producer replaces it; until then, payments are refused with a reason.
    """

    def __init__(self, kafka: dict, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._producer: KafkaProducer | None = None
        self._closed = threading.Event()
        self._looking = threading.Lock()
        # One thread, so that payments of one card keep their order; `send` blocks while the topic's metadata are missing.
        self._sending = ThreadPoolExecutor(1, "publisher")

    def start(self) -> None:
        """Start to connect to Kafka in the background."""
        threading.Thread(target=self._look, name="looks-for-kafka", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether the topic was found. While brokers are unavailable it stays true, and payments are refused."""
        return self._producer is not None

    async def publish(self, payment: PaymentMade) -> Place:
        """Write a payment; return when every in-sync replica has it.

        Raises:
            NotConnected: Kafka has not been found yet.
            NotAcknowledged: Kafka did not acknowledge it in time.
        """
        about = {"key": payment.key(), "timestamp_ms": payment.timestamp_ms(), "headers": payment.headers()}
        return await self._write(PATIENCE, self._topic, value=payment.value(), **about)

    async def try_to_write(self) -> None:
        """Write a test record.

        Raises:
            NotAcknowledged: no write is acknowledged at present.
        """
        await self._write(CHECK_PATIENCE, CHECK_TOPIC, value=b"checked")

    async def _write(self, patience: float, topic: str, **record: object) -> Place:
        if self._producer is None:
            raise NotConnected("NotConnected")
        loop = asyncio.get_running_loop()
        acknowledged = loop.create_future()
        try:
            async with asyncio.timeout(patience):
                await loop.run_in_executor(self._sending, self._send, loop, acknowledged, topic, record)
                return await acknowledged
        except (KafkaError, TimeoutError) as error:
            raise NotAcknowledged(type(error).__name__) from None
        finally:
            acknowledged.cancel()  # a later acknowledgement is ignored

    def close(self, seconds: float) -> None:
        """Flush pending payments, and close."""
        self._closed.set()
        self._sending.shutdown(wait=False, cancel_futures=True)
        if self._producer:
            with suppress(KafkaError):
                self._producer.close(timeout=seconds)

    def _failed(self, producer: KafkaProducer, error: Exception) -> None:
        """Replace a producer that refuses every record, once."""
        if type(error) is KafkaError and producer is self._producer and self._looking.acquire(blocking=False):
            log.warning("The Kafka producer has failed and is replaced: %s", error)
            threading.Thread(target=self._replace, args=(producer,), name="looks-for-kafka-again", daemon=True).start()

    def _replace(self, producer: KafkaProducer) -> None:
        try:
            self._look()
        finally:
            self._looking.release()
        with suppress(KafkaError):
            producer.close(timeout=1)

    def _look(self) -> None:
        told = False
        while not self._closed.is_set():
            try:
                producer = KafkaProducer(**self._kafka, **RELIABLE)
                self._wait_for_topic(producer)
                self._producer = producer
                log.info("Connected to Kafka.")
                return
            except (KafkaError, OSError) as error:
                if not told:
                    log.warning("Kafka or the topic '%s' is not available yet: %s", self._topic, error)
                told = True
                self._closed.wait(0.5)

    def _wait_for_topic(self, producer: KafkaProducer) -> None:
        try:
            producer.partitions_for(self._topic)
        except KafkaError:
            producer.close(timeout=1)
            raise

    def _send(self, loop: asyncio.AbstractEventLoop, acknowledged: asyncio.Future, topic: str, record: dict) -> None:
        """Send a record, in the publisher's thread; the client's thread reports the result to the event loop."""
        producer = self._producer
        assert producer is not None  # `_write` has made sure, and a producer is only ever replaced by another
        try:
            sent = producer.send(topic, **record)
        except KafkaError as error:
            self._failed(producer, error)
            raise

        def tell(settle: str, content: object) -> None:
            with suppress(RuntimeError):  # the loop has ended, no request is waiting
                loop.call_soon_threadsafe(_settle, acknowledged, settle, content)

        def failed(error: Exception) -> None:
            self._failed(producer, error)
            tell("set_exception", error)

        sent.add_callback(lambda written: tell("set_result", Place(written.partition, written.offset)))
        sent.add_errback(failed)


def _settle(future: asyncio.Future, how: str, content: object) -> None:
    if not future.done():  # the request may have timed out
        getattr(future, how)(content)
