"""Repairs of the pinned kafka-python on which the lessons rely; tests show each on real brokers."""

from __future__ import annotations

from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.errors import KafkaTimeoutError
from kafka.producer.kafka import KafkaProducer
from kafka.producer.transaction_manager import TransactionalRequestResult, TransactionManager

from workshop.kafka.repairs import (
    admin,
    closed_clients,
    descriptions,
    lookups,
    missing_topics,
    sockets,
    unlisted_brokers,
)
from workshop.kafka.requests import setting

LONGEST = 15.0  # seconds for a step of a transaction: brokers abort a transaction of `debits` after 10
_need_rejoin = ConsumerCoordinator.need_rejoin
_wait = TransactionalRequestResult.wait
_close_producer = KafkaProducer.close


def apply() -> None:
    """Install the repairs in this process. Calling it again has no effect."""
    TransactionManager.reset_producer_id = _go_on_under_a_new_epoch
    ConsumerCoordinator.need_rejoin = _until_joined
    TransactionalRequestResult.wait = _wait_but_not_for_ever
    closed_clients._closes[KafkaProducer] = _closed_though_not_all_is_sent
    for repairs in (admin, descriptions, sockets, lookups, missing_topics, unlisted_brokers, closed_clients):
        repairs.apply()


def _go_on_under_a_new_epoch(manager: TransactionManager) -> None:
    """Let an idempotent producer continue after it gave up an event that it had sent more than once.

    kafka-python 3.0.12 resets its producer id in this case and never requests another one: no record is sent any more, and
    `flush()` waits forever. Its recovery from lost sequence numbers, a new epoch of the same id (KIP-360), works here too.
    """
    if manager.has_producer_id():
        manager.bump_producer_id_and_epoch()


def _until_joined(coordinator: ConsumerCoordinator) -> bool:
    """Let a consumer finish a rebalance that lasts longer than the poll in which it began.

    If new metadata caused the consumer to rejoin, the group's leader in kafka-python 3.0.12 regards this as finished when it
    has computed the assignment. If the poll ends then, before the answer arrives, no later poll requests it: the consumer has
    no partitions, sends no heartbeats, and is removed from its group.
    """
    assigned_by_group = coordinator._subscription.partitions_auto_assigned()
    return _need_rejoin(coordinator) or (coordinator.rejoining and assigned_by_group)


def _wait_but_not_for_ever(result: TransactionalRequestResult, timeout_ms: float | None = None) -> bool:
    """Limit the wait for a step of a transaction.

    kafka-python 3.0.12 waits without a limit in `send_offsets_to_transaction`, `commit_transaction` and `abort_transaction`.
    After brokers were frozen, the answer may never come; the consumer's own thread keeps sending heartbeats, so its group
    waits too. The outcome of the transaction is then unknown: a new producer with the same transactional id resolves it.

    Raises:
        KafkaTimeoutError: the step was not answered within `LONGEST` seconds.
    """
    if timeout_ms is not None:
        return _wait(result, timeout_ms)
    if not _wait(result, LONGEST * 1000):
        raise KafkaTimeoutError(f"A step of a transaction was not answered within {LONGEST:g} s.")
    return True


def _closed_though_not_all_is_sent(
    producer: KafkaProducer, timeout: float | None = None, null_logger: bool = False
) -> None:
    """Close a producer completely, even if it cannot send its records or the user interrupts it.

    kafka-python 3.0.12 stops half-way if `flush()` fails within `close()`: the sender thread keeps running, and the
    destructor closes the producer again, fails again, and prints "Exception ignored in: KafkaProducer.__del__".

    Without a `timeout` it waits for ever, also for an answer that no record waits for. Here it waits as long as a record can:
    `delivery_timeout_ms` and one more `request_timeout_ms`. Each record has been acknowledged or has failed by then.
    """
    try:
        limit = _longest_delivery(producer) if timeout is None else timeout
        _close_producer(producer, timeout=limit, null_logger=null_logger)
    except BaseException:
        if getattr(producer, "_sender", None) is not None:
            producer._sender.force_close()
        producer._closed = True
        raise


def _longest_delivery(producer: KafkaProducer) -> float | None:
    config = getattr(producer, "config", None)  # its creation may have failed
    if config is None:
        return None
    return (setting(config, "delivery_timeout_ms") + setting(config, "request_timeout_ms")) / 1000
