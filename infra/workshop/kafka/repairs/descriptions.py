"""Repair of kafka-python's admin client: a description of a topic is never silently empty.

A broker that does not have a new topic's metadata yet answers `DescribeConfigs` and `Metadata` with an error. kafka-python
3.0.12 drops the error of the first and returns no settings, as if the topic had only defaults; for the second it returns a
topic without partitions. A missing topic looks the same. So the controller is asked whether the topic exists: if it does, the
request is repeated until the broker has it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import NoError, UnknownTopicOrPartitionError, for_code

from workshop.kafka.failures import ADVICE, Unanswered
from workshop.kafka.repairs.missing_topics import must_exist
from workshop.kafka.requests import in_all_ms, until_answered

T = TypeVar("T")
PAUSE = 0.1  # seconds between two requests to brokers that do not have the topic yet
_describe_configs = KafkaAdminClient._async_describe_configs
_config_answers = KafkaAdminClient._describe_configs_process_responses
_metadata = KafkaAdminClient._get_cluster_metadata


def apply() -> None:
    """Install the repair in this process. Calling it again has no effect."""
    # They pass all arguments on; mypy compares them with methods of the client's base classes.
    KafkaAdminClient._describe_configs_process_responses = classmethod(_raise_errors)  # type: ignore[assignment]
    KafkaAdminClient._async_describe_configs = _configs_of_what_exists  # type: ignore[assignment]
    KafkaAdminClient.describe_topics = _topics_that_exist  # type: ignore[assignment]


def _raise_errors(cls: type[KafkaAdminClient], responses: list, *args: object, **options: object) -> dict:
    """Return the settings in the answers, or raise the first error in them."""
    for response in responses:
        for result in response.results:
            error = for_code(result.error_code)
            if error is not NoError:
                raise error(f"{result.resource_name}: {result.error_message or error.description}")
    return _config_answers(responses, *args, **options)


async def _configs_of_what_exists(
    admin: KafkaAdminClient, config_resources: Iterable[ConfigResource], *args: object, **options: object
) -> Any:
    """Describe settings; wait until the brokers have each topic.

    Raises:
        NoSuchTopic: a topic does not exist.
        KafkaError: Kafka refused the request, for example because the user lacks the right.
    """
    resources = list(config_resources)
    names = [one.name for one in resources if one.resource_type is ConfigResourceType.TOPIC]

    async def described() -> Any:
        return await _describe_configs(admin, resources, *args, **options)

    return await _until_known(admin, names, "describe configs", described)


def _topics_that_exist(admin: KafkaAdminClient, topics: list | None = None) -> list[dict]:
    """Fetch metadata of topics, or of all topics if None; wait until a broker has each topic.

    Args:
        topics: names or `uuid.UUID` topic ids.

    Raises:
        NoSuchTopic: a topic does not exist.
    """
    names = [topic for topic in topics or [] if isinstance(topic, str)]

    async def described() -> list[dict]:
        found = (await _metadata(admin, topics))["topics"]
        if any(for_code(one["error_code"]) is UnknownTopicOrPartitionError and one["name"] in names for one in found):
            raise UnknownTopicOrPartitionError
        return found

    return admin._manager.run(_until_known, admin, names, "describe topics", described)


async def _until_known(admin: KafkaAdminClient, names: list[str], what: str, step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step until the broker that answers has the named topics.

    Raises:
        NoSuchTopic: a topic does not exist.
        Unanswered: the brokers did not have a topic in time that exists according to the controller.
    """
    seconds = in_all_ms(admin.config["request_timeout_ms"]) / 1000
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await until_answered(admin, what, step)
        except UnknownTopicOrPartitionError as error:
            for name in names:
                await must_exist(admin._manager, name)
            if time.monotonic() >= deadline:
                happened = f"The brokers did not know {', '.join(names)} within {seconds:g} s of its creation."
                raise Unanswered(happened, ADVICE) from error
        await admin._net.sleep(PAUSE)
