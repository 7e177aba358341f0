"""Repairs of kafka-python's admin client: it repeats requests, and recognises its own changes.

kafka-python 3.0.12 sends a request once. If the answer is lost, the caller gets an error, repeats the call, and then gets the
error that the topic exists, does not exist, or has its partitions already. Even a request that was sent once may get this
error: a broker forwards it to the controller, and repeats it if the connection to the controller is lost or the controllers'
leader changes before the answer.

So the state is looked up before each change. If the change was not made then, and the answer reports that it is already made,
this request made it: that is success if the wanted state holds. If the look-up finds the change made, the error stays.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import for_code
from kafka.protocol.admin import CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest
from kafka.protocol.consumer import OffsetSpec

from workshop.kafka.requests import LOST, existence_request, existing, until_answered

HOLDS_WITHIN = 10.0  # seconds in which brokers receive the controller's decision
NOW = -1  # the offset that stands for "all records up to now"

# Requests that may be carried out twice: they read, or they set a state that does not depend on the previous one.
REPEATED = (
    "_async_alter_configs",
    "_async_alter_group_offsets",
    "_async_alter_user_scram_credentials",
    "_async_delete_records",
    "_async_describe_groups",
    "_async_describe_log_dirs",
    "_async_describe_producers",
    "_async_describe_quorum",
    "_async_describe_topic_partitions",
    "_async_describe_transactions",
    "_async_describe_user_scram_credentials",
    "_async_list_config_resources",
    "_async_list_group_offsets",
    "_async_list_groups",
    "_async_list_partition_offsets",
    "_async_list_transactions",
    "_async_reset_configs",
    "_async_reset_group_offsets",
    "_describe_cluster",
    "_get_cluster_metadata",
)
_steps = {name: getattr(KafkaAdminClient, name) for name in REPEATED}
_alter_configs_answers = KafkaAdminClient._alter_configs_process_responses


def apply() -> None:
    """Install the repairs in this process. Calling it again has no effect."""
    for name, step in _steps.items():
        setattr(KafkaAdminClient, name, _repeated(name, step))
    # They pass all arguments on; and mypy compares them with methods of the client's base classes.
    KafkaAdminClient._async_delete_groups = _delete_groups_repeatedly  # type: ignore[assignment]
    KafkaAdminClient._async_delete_records = _delete_records_up_to_fixed_offsets  # type: ignore[assignment]
    KafkaAdminClient._alter_configs_process_responses = staticmethod(_alter_configs_was_decided)
    KafkaAdminClient._send_request_to_controller = _send_request_to_controller


def _repeated(name: str, step: Callable[..., Awaitable]) -> Callable[..., Awaitable]:
    what = name.removeprefix("_async").strip("_").replace("_", " ")

    @functools.wraps(step)
    async def repeated(admin: KafkaAdminClient, *args: object, **options: object) -> object:
        return await until_answered(admin, what, lambda: step(admin, *args, **options))

    return repeated


async def _delete_groups_repeatedly(admin: KafkaAdminClient, *args: object, **options: object) -> dict:
    """Report a group that is not found as deleted, if an earlier attempt deleted it or was not answered.

    kafka-python returns errors as text, also that of a broker that is not the group's coordinator (yet): it is asked again.
    """
    deleted: set[str] = set()
    unanswered = False

    async def decided() -> dict[str, str]:
        nonlocal unanswered
        try:
            answers = await _delete_groups(admin, *args, **options)
        except LOST:
            unanswered = True
            raise
        deleted.update(group for group, said in answers.items() if said == "OK")
        for said in answers.values():
            _raise_if_lost(getattr(kafka_errors, said, Exception))
        return answers

    answers = await until_answered(admin, "delete groups", decided)
    gone = kafka_errors.GroupIdNotFoundError.__name__
    return {
        group: "OK" if said == gone and (unanswered or group in deleted) else said for group, said in answers.items()
    }


_delete_groups = KafkaAdminClient._async_delete_groups
_delete_records = _repeated("_async_delete_records", _steps["_async_delete_records"])


async def _delete_records_up_to_fixed_offsets(
    admin: KafkaAdminClient, records_to_delete: dict, *args: object, **options: object
) -> dict:
    """Look up the end offsets once, before the first attempt.

    Otherwise a repeated request would delete records that were written in the meantime.
    """
    whole = {place: OffsetSpec.LATEST for place, offset in records_to_delete.items() if offset == NOW}
    ends = await admin._async_list_partition_offsets(whole)
    fixed = {place: ends[place].offset if place in whole else offset for place, offset in records_to_delete.items()}
    return await _delete_records(admin, fixed, *args, **options)


def _alter_configs_was_decided(responses: list) -> dict:
    """Raise errors that leave the outcome unknown; kafka-python returns them as text."""
    for response in responses:
        _raise_if_lost(for_code(response.error_code))
    return _alter_configs_answers(responses)


def _raise_if_lost(error: type[Exception]) -> None:
    if issubclass(error, LOST):
        raise error()


@dataclass(frozen=True)
class Change:
    """A change by the controller, with the functions that check whether it is made.

    Attributes:
        done_already: the errors that report that the change is already made.
        entries: returns the entries of an answer, one per topic.
        undone: returns the names for which the change is not made yet, according to the controller.
        holds: returns whether the wanted state holds for a name.
    """

    done_already: tuple[type[Exception], ...]
    entries: Callable[[Any], list]
    undone: Callable[[KafkaAdminClient, Any], Awaitable[set]]
    holds: Callable[[KafkaAdminClient, Any, str], Awaitable[bool]]


async def _send_request_to_controller(
    admin: KafkaAdminClient,
    request: Any,
    get_errors_fn: Callable[[Any], Iterable] = lambda response: (),
    raise_errors: bool = True,
    ignore_errors: tuple = (),
) -> object:
    """Send a request to the controller until it is answered, and raise the first error of the answer."""
    change = None if getattr(request, "validate_only", False) else CHANGES.get(request.API_KEY)
    undone = await change.undone(admin, request) if change else set()
    response = await _ask_controller(admin, request, get_errors_fn)
    for entry in change.entries(response) if change else ():
        assert change, "without a change there are no entries"
        name = _name(entry)
        made_by_us = name in undone and for_code(entry.error_code) in change.done_already
        if made_by_us and await _soon(admin, functools.partial(change.holds, admin, request, name)):
            entry.error_code, entry.error_message = 0, None
    for error in get_errors_fn(response):
        if raise_errors and error is not kafka_errors.NoError and error not in ignore_errors:
            raise error(f"Request '{request}' failed with response '{response}'.")
    return response


async def _ask_controller(
    admin: KafkaAdminClient, request: Any, get_errors_fn: Callable[[Any], Iterable] = lambda response: ()
) -> Any:
    async def decided() -> Any:
        if admin._controller_id in (None, -1):
            admin._controller_id = await admin._refresh_controller_id()
        response = await admin._manager.send(request, node_id=admin._controller_id)
        for error in get_errors_fn(response):
            _raise_if_lost(error)
        return response

    return await until_answered(admin, type(request).__name__, decided)


async def _soon(admin: KafkaAdminClient, holds: Callable[[], Awaitable[bool]]) -> bool:
    """Return whether a state holds, with a wait until brokers have received the controller's decision."""
    deadline = time.monotonic() + HOLDS_WITHIN
    while not await holds():
        if time.monotonic() >= deadline:
            return False
        await admin._net.sleep(0.1)
    return True


def _name(entry: Any) -> str:
    """Return the topic's name in an answer's entry, or the id if the request used the id."""
    return entry.name if entry.name is not None else str(entry.topic_id)


async def _not_created(admin: KafkaAdminClient, request: CreateTopicsRequest) -> set:
    """Return the topics that do not exist yet, according to a trial request to the controller."""
    trial = CreateTopicsRequest(topics=request.topics, timeout_ms=request.timeout_ms, validate_only=True)
    answer = await _ask_controller(admin, trial)
    return {t.name for t in answer.topics if for_code(t.error_code) is not kafka_errors.TopicAlreadyExistsError}


async def _is_as_created(admin: KafkaAdminClient, request: CreateTopicsRequest, name: str) -> bool:
    wanted = next(topic for topic in request.topics if topic.name == name)
    partitions = await _partitions(admin, name)
    count = len(wanted.assignments) or wanted.num_partitions  # -1: the default in the brokers' settings
    if not partitions or (count > 0 and len(partitions) != count):
        return False
    copies = {len(partition["replica_nodes"]) for partition in partitions}
    if wanted.replication_factor > 0 and copies != {wanted.replication_factor}:
        return False
    return await _has_configs(admin, name, {one.name: one.value for one in wanted.configs})


async def _has_configs(admin: KafkaAdminClient, name: str, wanted: dict) -> bool:
    if not wanted:
        return True
    topic = ConfigResource(ConfigResourceType.TOPIC, name)
    (found,) = await admin._async_describe_configs([topic], config_filter="all", flat=True)
    return all(found.get(key, {}).get("value") == str(value) for key, value in wanted.items())


async def _not_grown(admin: KafkaAdminClient, request: CreatePartitionsRequest) -> set:
    """Return the topics that can still grow, according to a trial request to the controller."""
    trial = CreatePartitionsRequest(topics=request.topics, timeout_ms=request.timeout_ms, validate_only=True)
    answer = await _ask_controller(admin, trial)
    return {t.name for t in answer.results if for_code(t.error_code) is not kafka_errors.InvalidPartitionsError}


async def _has_grown(admin: KafkaAdminClient, request: CreatePartitionsRequest, name: str) -> bool:
    wanted = next(topic for topic in request.topics if topic.name == name)
    return len(await _partitions(admin, name)) == wanted.count


async def _not_deleted(admin: KafkaAdminClient, request: DeleteTopicsRequest) -> set:
    """Return the names and ids of the topics that exist.

    The controller answers for names; a broker answers for topic ids, and if rights are missing.
    """
    names = [topic.name for topic in request.topics if topic.name is not None]
    known = existing(await _ask_controller(admin, existence_request(names)))
    unclear: list[object] = [name for name in names if known.get(name) is None]
    unclear += [topic.topic_id for topic in request.topics if topic.name is None]
    there = await admin._get_cluster_metadata(unclear) if unclear else {"topics": []}
    found = {str(topic[key]) for topic in there["topics"] if not topic["error_code"] for key in ("name", "topic_id")}
    return {name for name in names if known.get(name)} | found


async def _is_deleted(admin: KafkaAdminClient, request: DeleteTopicsRequest, name: str) -> bool:
    """Return True: the controller itself reported the topic as unknown."""
    return True


async def _partitions(admin: KafkaAdminClient, name: str) -> list[dict]:
    metadata = await admin._get_cluster_metadata([name])
    return [part for topic in metadata["topics"] if not topic["error_code"] for part in topic["partitions"]]


CHANGES = {
    CreateTopicsRequest.API_KEY: Change(
        (kafka_errors.TopicAlreadyExistsError,), lambda response: response.topics, _not_created, _is_as_created
    ),
    DeleteTopicsRequest.API_KEY: Change(
        (kafka_errors.UnknownTopicOrPartitionError, kafka_errors.UnknownTopicIdError),
        lambda response: response.responses,
        _not_deleted,
        _is_deleted,
    ),
    CreatePartitionsRequest.API_KEY: Change(
        (kafka_errors.InvalidPartitionsError,), lambda response: response.results, _not_grown, _has_grown
    ),
}
