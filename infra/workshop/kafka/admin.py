"""Administration of Kafka, with requests that are safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import NoError, UnknownTopicOrPartitionError, for_code

from workshop.base.errors import WorkshopError
from workshop.kafka.failures import ADVICE
from workshop.kafka.repairs import client as client_repairs


def admin(kafka: Mapping, **more: object) -> KafkaAdminClient:
    """Return an admin client whose requests are safe to repeat.

    Close it, or use `with contextlib.closing(...)`.
    """
    client_repairs.apply()
    return KafkaAdminClient(**{**kafka, **more})


def alter_configs(kafka: Mapping, kind: ConfigResourceType, name: str, configs: Mapping[str, str]) -> None:
    """Set configurations of a topic, a group or a broker.

    Raises:
        WorkshopError: Kafka refused the change, which the admin client reports as text only.
    """
    with closing(admin(kafka)) as client:
        answer = client.alter_configs([ConfigResource(kind, name, dict(configs))])[kind.name.lower()][name]
    if answer != "OK":
        raise WorkshopError(f"Kafka did not set {', '.join(configs)} of '{name}': {answer}.", ADVICE)


def delete_topics(kafka: Mapping, wanted: Callable[[str], bool]) -> list[str]:
    """Delete the topics for whose names `wanted` returns True, and return these names.

    A topic that is listed and does not exist is as good as deleted: a broker may not know yet that it was deleted.
    """
    with closing(admin(kafka)) as client:
        names = [name for name in client.list_topics() if wanted(name)]
        if names:
            _must_be_gone(client.delete_topics(names, raise_errors=False))
    return names


def _must_be_gone(answer: Mapping) -> None:
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        if error not in (NoError, UnknownTopicOrPartitionError):
            raise error(f"Topic '{topic['name']}' was not deleted.")
