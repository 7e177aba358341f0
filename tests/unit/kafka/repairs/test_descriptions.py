"""Descriptions of topics by a broker that does not have them yet, or that refuses; without brokers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAuthorizationFailedError
from kafka.protocol.admin import CreatePartitionsResponse, DescribeConfigsResponse
from kafka.protocol.metadata import MetadataResponse
from workshop.kafka.failures import NoSuchTopic, Unanswered
from workshop.kafka.repairs import client as client_repairs
from workshop.kafka.repairs import descriptions

UNKNOWN, REFUSED, ONE_PARTITION = 3, 29, 37
RETENTION = DescribeConfigsResponse.DescribeConfigsResult.DescribeConfigsResourceResult(
    name="retention.ms", value="-1", read_only=False, config_source=1, is_sensitive=False, synonyms=[]
)


class Manager:
    """The connections of an admin client: a broker that has the topic after some requests, and a controller."""

    def __init__(self, lacking: int, error: int = UNKNOWN, controller: int = ONE_PARTITION) -> None:
        self.lacking, self.error, self.controller = lacking, error, controller
        self.config = {"request_timeout_ms": 3_000}
        self.closed = False
        self.cluster = SimpleNamespace(brokers=list, _coordinators={}, request_update=lambda: None)

    async def send(self, request: object, node_id: int | None = None, request_timeout_ms: float = 0) -> object:
        if "CreatePartitions" in type(request).__name__:
            result = CreatePartitionsResponse.CreatePartitionsTopicResult(name="log", error_code=self.controller)
            return CreatePartitionsResponse(results=[result])
        self.lacking -= 1
        code = self.error if self.lacking >= 0 else 0
        if "Metadata" in type(request).__name__:
            parts = [] if code else [MetadataResponse.MetadataResponseTopic.MetadataResponsePartition(leader_id=1)]
            topic = MetadataResponse.MetadataResponseTopic(name="log", error_code=code, partitions=parts)
            return MetadataResponse(topics=[topic], brokers=[])
        configs = [] if code else [RETENTION]
        result = DescribeConfigsResponse.DescribeConfigsResult(
            resource_type=2, resource_name="log", error_code=code, configs=configs
        )
        return DescribeConfigsResponse(results=[result])

    def run(self, step: object, *about: object) -> object:
        return asyncio.run(step(*about))


def admin_of(manager: Manager) -> KafkaAdminClient:
    """Return a real admin client without connections."""
    client_repairs.apply()
    admin = KafkaAdminClient.__new__(KafkaAdminClient)
    admin.config = {"request_timeout_ms": 3_000}
    admin._manager, admin._net, admin._controller_id = manager, SimpleNamespace(sleep=asyncio.sleep), 1
    admin._closed = True  # nothing to close at the end
    return admin


def retention(admin: KafkaAdminClient) -> str:
    found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "log")])
    return found["topic"]["log"]["retention.ms"]["value"]


def count(admin: KafkaAdminClient) -> int:
    return len(admin.describe_topics(["log"])[0]["partitions"])


@pytest.mark.parametrize("lacking", [0, 1, 3])
@pytest.mark.parametrize(("describe", "expected"), [(retention, "-1"), (count, 1)])
def test_a_topic_that_a_broker_does_not_have_yet_is_asked_for_again(lacking, describe, expected):
    assert describe(admin_of(Manager(lacking))) == expected


@pytest.mark.parametrize("describe", [retention, count])
def test_a_topic_that_does_not_exist_is_named(describe):
    with pytest.raises(NoSuchTopic, match=r"There is no topic 'log'\."):
        describe(admin_of(Manager(99, controller=UNKNOWN)))


@pytest.mark.parametrize("describe", [retention, count])
def test_the_wait_for_a_broker_is_bounded(describe, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(descriptions, "in_all_ms", lambda limit_ms: 200)
    with pytest.raises(Unanswered, match=r"did not know log within 0\.2 s"):
        describe(admin_of(Manager(10**6)))


def test_a_refusal_is_raised_and_not_read_as_no_settings():
    with pytest.raises(TopicAuthorizationFailedError):
        retention(admin_of(Manager(1, error=REFUSED)))


def test_all_topics_are_described_without_a_question_to_the_controller():
    (topic,) = admin_of(Manager(0)).describe_topics()
    assert topic["name"] == "log"


def test_every_error_of_an_answer_is_raised():
    result = DescribeConfigsResponse.DescribeConfigsResult(
        resource_type=2, resource_name="log", error_code=40, error_message="no such setting", configs=[]
    )
    with pytest.raises(KafkaError, match="log: no such setting"):
        descriptions._raise_errors(KafkaAdminClient, [DescribeConfigsResponse(results=[result])])
