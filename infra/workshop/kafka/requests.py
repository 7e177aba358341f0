"""Requests to Kafka that are safe to repeat, and the time limits of their retries.

On a busy machine answers get lost: the request was carried out, but the client sees a timeout or a lost connection. So every
request here is repeated until it is answered. `repairs.admin` interprets an answer such as "the topic exists already" after a
retry; `repairs.lookups` repeats look-ups of offsets and leaders.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.protocol.admin import CreatePartitionsRequest, CreatePartitionsResponse

from workshop.kafka.failures import ADVICE, Unanswered

T = TypeVar("T")

# After these errors, the outcome of a request is unknown.
LOST = (
    kafka_errors.Cancelled,
    kafka_errors.CoordinatorLoadInProgressError,
    kafka_errors.CoordinatorNotAvailableError,
    kafka_errors.CorrelationIdError,
    kafka_errors.KafkaConnectionError,
    kafka_errors.KafkaTimeoutError,
    kafka_errors.NetworkExceptionError,
    kafka_errors.NodeNotReadyError,
    kafka_errors.NotControllerError,
    kafka_errors.NotCoordinatorError,
    kafka_errors.RequestTimedOutError,
    OSError,
)
SHORTEST_MS = (
    3_000  # a busy broker may need this long for an answer; a client's shorter request timeout takes precedence
)
LONGEST_PAUSE = 1.0  # seconds between two attempts


def setting(config: Mapping[str, Any], name: str) -> float:
    """Return a number from a client's configuration, whose values have many types."""
    return config[name]


def one_try_ms(request_timeout_ms: float, attempt: int = 1) -> float:
    """Return the time limit of one attempt in milliseconds.

    The first attempt gets a third of the client's `request_timeout_ms`, so that one silent broker does not use up all of it.
    The second gets two thirds and later ones all of it, so that a slow broker can answer.
    """
    return min(request_timeout_ms, max(SHORTEST_MS, request_timeout_ms * attempt / 3))


def in_all_ms(request_timeout_ms: float) -> float:
    """Return the time limit of all attempts in milliseconds: a minute with kafka-python's defaults."""
    return 2 * request_timeout_ms


async def until_answered(admin: KafkaAdminClient, what: str, step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step of an admin client until it is answered.

    Args:
        what: the step's name, for the error.
        step: one or more requests, safe to repeat.

    Raises:
        Unanswered: no attempt was answered in time.
    """
    manager, limit_ms = admin._manager, admin.config["request_timeout_ms"]
    deadline = time.monotonic() + in_all_ms(limit_ms) / 1000
    attempt = 0
    while True:
        attempt += 1
        # New connections use this limit; the client closes the connection on which an answer is late.
        manager.config["request_timeout_ms"] = one_try_ms(limit_ms, attempt)
        try:
            return await step()
        except Unanswered:
            raise
        except kafka_errors.UnknownBrokerIdError:
            if attempt > 1:  # the metadata may be outdated; after a refresh, there is no such broker
                raise
            await _refreshed(admin)
        except LOST as error:
            if manager.closed or time.monotonic() >= deadline:
                happened = f"Kafka did not answer within {in_all_ms(limit_ms) / 1000:g} s: {what}."
                raise Unanswered(happened, ADVICE, str(error)) from error
        _forget_routes(admin)
        await admin._net.sleep(min(LONGEST_PAUSE, 0.05 * 2**attempt))


async def _refreshed(admin: KafkaAdminClient) -> None:
    """Refresh the list of brokers; if that fails, the next attempt reports the error."""
    with suppress(*LOST):
        await admin._manager.cluster.refresh_metadata()


def _forget_routes(admin: KafkaAdminClient) -> None:
    """Let the next attempt look up the controller, coordinators and brokers again."""
    admin._controller_id = None
    admin._manager.cluster._coordinators.clear()
    admin._manager.cluster.request_update()


def existence_request(names: Iterable[str]) -> CreatePartitionsRequest:
    """Return a request that changes nothing and whose answer shows which topics exist.

    Metadata come from a broker's copy, which may lag behind. The controller answers this request: it refuses to give an
    existing topic one partition, and reports a missing topic as unknown.
    """
    topics = [CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=1) for name in names]
    return CreatePartitionsRequest(topics=topics, timeout_ms=SHORTEST_MS, validate_only=True)


def existing(response: CreatePartitionsResponse) -> dict[str, bool | None]:
    """Return for each topic in the answer to `existence_request` whether it exists, or None if unclear."""
    meaning = {
        kafka_errors.NoError: True,
        kafka_errors.InvalidPartitionsError: True,
        kafka_errors.UnknownTopicOrPartitionError: False,
    }
    return {result.name: meaning.get(kafka_errors.for_code(result.error_code)) for result in response.results}
