"""The publisher of `payments` on real brokers: a client with an unrecoverable error is replaced."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime

from kafka.errors import KafkaError
from services.payments.publisher import NotAcknowledged, Publisher
from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade, parse
from workshop.kafka import consume
from workshop.notebook.connection import Connection

PATIENCE = 60.0


class Shop:
    """A publisher and its event loop."""

    def __init__(self, ws: Connection, topic: str) -> None:
        self.publisher, self._loop = Publisher(ws.kafka, topic), asyncio.Runner()

    def start(self) -> None:
        self.publisher.start()
        wait_until(lambda: self.publisher.ready, PATIENCE, "the publisher to find Kafka")

    def pay(self, name: str) -> bool:
        """Publish a payment; return whether it was acknowledged."""
        try:
            self._loop.run(self.publisher.publish(PaymentMade("card-1", "t", 100, datetime.now(UTC), name)))
        except NotAcknowledged:
            return False
        return True

    def close(self) -> None:
        self.publisher.close(5)
        self._loop.close()


def test_a_client_with_an_unrecoverable_error_is_replaced_and_payments_continue(ws: Connection) -> None:
    topic = ws.fresh_topic("published", partitions=1)
    with closing(Shop(ws, topic)) as shop:
        shop.start()
        assert shop.pay("before")
        broken = shop.publisher._producer
        broken._transaction_manager.transition_to_fatal_error(KafkaError("an answer that it did not expect"))
        assert not shop.pay("refused")
        assert shop.publisher.ready  # it has the topic's metadata, so the pod stays ready
        wait_until(lambda: shop.pay("after"), PATIENCE, "a payment to be acknowledged again", every=0.3)
        assert shop.publisher._producer is not broken
    names = [parse(record.value).payment_id for record in consume.read_all(ws, topic)]
    assert (names[0], names.count("after"), "refused" in names) == ("before", 1, False)
