"""What has to be mended in the pinned kafka-python before a lesson can rely on it; the tests show each on real brokers."""

from __future__ import annotations

from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.errors import KafkaTimeoutError
from kafka.producer.kafka import KafkaProducer
from kafka.producer.transaction_manager import TransactionalRequestResult, TransactionManager

from workshop.kafka.repairs import admin, closed_clients, lookups, missing_topics, sockets, unlisted_brokers

LONGEST = 15.0  # seconds that a step of a transaction may take: brokers put an end to one of `debits` after 10
_need_rejoin = ConsumerCoordinator.need_rejoin
_wait = TransactionalRequestResult.wait
_close_producer = KafkaProducer.close


def apply() -> None:
    """Mend the client in this process. Harmless if called again."""
    TransactionManager.reset_producer_id = _go_on_under_a_new_epoch
    ConsumerCoordinator.need_rejoin = _until_joined
    TransactionalRequestResult.wait = _wait_but_not_for_ever
    closed_clients._closes[KafkaProducer] = _closed_though_not_all_is_sent
    for repairs in (admin, sockets, lookups, missing_topics, unlisted_brokers, closed_clients):
        repairs.apply()


def _go_on_under_a_new_epoch(manager: TransactionManager) -> None:
    """Let an idempotent producer live on after it gave up an event that it had tried more than once.

    kafka-python 3.0.12 forgets its producer id then and never asks for another: nothing is sent any more, and `flush()`
    waits for ever. Its own way out of lost sequence numbers, a new epoch of the same id (KIP-360), serves here too.
    """
    if manager.has_producer_id():
        manager.bump_producer_id_and_epoch()


def _until_joined(coordinator: ConsumerCoordinator) -> bool:
    """Let a consumer finish a rebalance that lasts longer than the poll in which it began.

    Where new metadata were the reason to join again, the group's leader in kafka-python 3.0.12 counts that as settled when
    it has computed the assignment. If the poll ends then, before the answer is there, no later one asks for it: the
    consumer holds nothing, sends no heartbeat, and is put out of its group.
    """
    assigned_by_group = coordinator._subscription.partitions_auto_assigned()
    return _need_rejoin(coordinator) or (coordinator.rejoining and assigned_by_group)


def _wait_but_not_for_ever(result: TransactionalRequestResult, timeout_ms: float | None = None) -> bool:
    """Let whoever waits for a step of a transaction hear that it does not come.

    kafka-python 3.0.12 waits without an end in `send_offsets_to_transaction`, `commit_transaction` and `abort_transaction`.
    After brokers were frozen, the answer may never come; the consumer's own thread goes on to say that it lives, so that its
    group waits with it. What became of the transaction is unknown then: a new producer of the same name finds out.
    """
    if timeout_ms is not None:
        return _wait(result, timeout_ms)
    if not _wait(result, LONGEST * 1000):
        raise KafkaTimeoutError(f"A step of a transaction was not answered within {LONGEST:g} s.")
    return True


def _closed_though_not_all_is_sent(
    producer: KafkaProducer, timeout: float | None = None, null_logger: bool = False
) -> None:
    """Let a producer that cannot send what it holds, or whose user interrupts it, be closed for good.

    kafka-python 3.0.12 gives up half-way if `flush()` fails within `close()`: the thread that sends goes on, and the
    destructor closes the producer once more, fails again, and prints "Exception ignored in: KafkaProducer.__del__".
    """
    try:
        _close_producer(producer, timeout=timeout, null_logger=null_logger)
    except BaseException:
        if getattr(producer, "_sender", None) is not None:
            producer._sender.force_close()
        producer._closed = True
        raise
