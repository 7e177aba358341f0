"""Administration: the answer of a change of settings, and the deletion of topics by name."""

from __future__ import annotations

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from workshop.base.errors import WorkshopError
from workshop.kafka import admin


class Client:
    """An admin client of a cluster with three topics."""

    def __init__(self) -> None:
        self.answer = "OK"
        self.changes: list[tuple[str, dict]] = []
        self.deleted: list[list[str]] = []
        self.closed = 0
        self.codes: dict[str, int] = {}

    def alter_configs(self, resources: list[ConfigResource]) -> dict:
        (resource,) = resources
        self.changes.append((resource.name, resource.configs))
        return {resource.resource_type.name.lower(): {resource.name: self.answer}}

    def list_topics(self) -> list[str]:
        return ["a-1", "a-2", "b"]

    def delete_topics(self, names: list[str], raise_errors: bool = True) -> dict:
        self.deleted.append(names)
        return {"topics": [{"name": name, "error_code": self.codes.get(name, 0)} for name in names]}

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(admin, "admin", lambda kafka, **more: made)
    return made


@pytest.mark.parametrize("kind", [ConfigResourceType.TOPIC, ConfigResourceType.BROKER])
def test_settings_are_changed_and_the_client_is_closed(client: Client, kind: ConfigResourceType):
    admin.alter_configs({}, kind, "name", {"retention.ms": "1"})
    assert client.changes == [("name", {"retention.ms": "1"})]
    assert client.closed == 1


def test_a_refused_change_names_the_settings_and_the_reason(client: Client):
    client.answer = "InvalidConfigurationError"
    with pytest.raises(WorkshopError, match=r"did not set a, b of 'name': InvalidConfigurationError\."):
        admin.alter_configs({}, ConfigResourceType.TOPIC, "name", {"a": "1", "b": "2"})
    assert client.closed == 1


def test_the_wanted_topics_are_deleted_in_one_request(client: Client):
    assert admin.delete_topics({}, lambda name: name.startswith("a-")) == ["a-1", "a-2"]
    assert client.deleted == [["a-1", "a-2"]]


def test_a_topic_that_is_gone_already_counts_as_deleted_and_any_other_error_is_raised(client: Client):
    client.codes = {"a-1": UnknownTopicOrPartitionError.errno}
    assert admin.delete_topics({}, lambda name: name.startswith("a-")) == ["a-1", "a-2"]
    client.codes = {"a-2": TopicAuthorizationFailedError.errno}
    with pytest.raises(TopicAuthorizationFailedError, match="Topic 'a-2' was not deleted"):
        admin.delete_topics({}, lambda name: name.startswith("a-"))
    assert client.closed == 2


def test_no_request_is_made_if_no_topic_is_wanted(client: Client):
    assert admin.delete_topics({}, lambda name: False) == []
    assert client.deleted == []
    assert client.closed == 1
