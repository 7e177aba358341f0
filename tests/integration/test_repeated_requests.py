"""Requests to real brokers whose answers are lost: they are repeated, and "already done" then counts as success."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType
from kafka.errors import InvalidPartitionsError, TopicAlreadyExistsError, UnknownTopicOrPartitionError
from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin
from workshop.kafka import topics
from workshop.kafka.failures import NoSuchTopic, Unanswered
from workshop.kafka.replicas import partitions
from workshop.notebook.connection import Connection
from workshop.stack.faults import PREFERRED

from .lost_answers import BY_CLOSING, SILENTLY, Kind, losing

HOW = [SILENTLY, BY_CLOSING]
PATIENCE = {"request_timeout_ms": 9_000}  # one attempt lasts up to three seconds
LIST_OFFSETS, METADATA, OFFSET_FETCH, FIND_COORDINATOR = Kind(2), Kind(3), Kind(9), Kind(10)
CREATE_TOPICS, CREATE_TOPICS_TRIAL, DELETE_TOPICS, DELETE_RECORDS = Kind(19), Kind(19, trial=True), Kind(20), Kind(21)
DESCRIBE_CONFIGS, ALTER_CONFIGS, INCREMENTAL_ALTER_CONFIGS = Kind(32), Kind(33), Kind(44)
CREATE_PARTITIONS, CREATE_PARTITIONS_TRIAL = Kind(37), Kind(37, trial=True)
ELECT_LEADERS, DESCRIBE_CLUSTER, DELETE_GROUPS = Kind(43), Kind(60), Kind(42)


def admin_of(ws: Connection) -> KafkaAdminClient:
    return KafkaAdminClient(**{**ws.kafka, **PATIENCE})


@dataclass
class Scene:
    """A topic of the test, and clients whose answers can be lost."""

    ws: Connection
    topic: str
    admin: KafkaAdminClient
    consumer: KafkaConsumer

    @property
    def places(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, number) for number in range(3)]

    def count(self) -> int:
        """Return the topic's number of partitions."""
        return len(partitions(self.ws, self.topic))

    def retention(self) -> str:
        """Return the topic's setting from the brokers."""
        resource = ConfigResource(ConfigResourceType.TOPIC, self.topic)
        return self.admin.describe_configs([resource])["topic"][self.topic]["retention.ms"]["value"]


@pytest.fixture
def scene(ws: Connection) -> Iterator[Scene]:
    topic = ws.fresh_topic("lost")
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        for number in range(30):
            producer.send(topic, b"%d" % number, partition=number % 3).get(timeout=60)
    consumer = KafkaConsumer(**{**ws.kafka, **PATIENCE}, group_id=topic, enable_auto_commit=False)
    with closing(admin_of(ws)) as admin, closing(consumer):
        yield Scene(ws, topic, admin, consumer)
    # A hundred topics are too many for brokers with little memory.
    kafka_admin.delete_topics(ws.kafka, lambda name: name.startswith(topic))


def create(scene: Scene) -> None:
    name = scene.topic + "-more"
    options = {"num_partitions": 2, "replication_factor": 3, "configs": {"retention.ms": "-1"}}
    answer = scene.admin.create_topics({name: options}, wait_for_metadata=True)
    assert [(topic["name"], topic["error_code"]) for topic in answer["topics"]] == [(name, 0)]
    assert len(partitions(scene.ws, name)) == 2


def create_with_the_project_s_own(scene: Scene) -> None:
    name = scene.topic + "-own"
    topics.create({**scene.ws.kafka, **PATIENCE}, [topics.Topic(name, 2, 3, topics.FOR_EVER)])
    assert len(partitions(scene.ws, name)) == 2


def delete(scene: Scene) -> None:
    scene.admin.delete_topics([scene.topic])
    with pytest.raises(UnknownTopicOrPartitionError):
        scene.admin.delete_topics([scene.topic])


def delete_by_id(scene: Scene) -> None:
    (topic,) = scene.admin.describe_topics([scene.topic])
    scene.admin.delete_topics([uuid.UUID(str(topic["topic_id"]))])
    with pytest.raises(UnknownTopicOrPartitionError):
        scene.admin.delete_topics([scene.topic])


def tidy(scene: Scene) -> None:
    assert "of this lesson" in scene.ws.tidy()
    with pytest.raises(UnknownTopicOrPartitionError):
        scene.admin.delete_topics([scene.topic])


def grow(scene: Scene) -> None:
    scene.admin.create_partitions({scene.topic: 6})
    wait_until(lambda: scene.count() == 6, 30, "every broker to know the partitions")


def alter_a_topic(scene: Scene) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, scene.topic, {"retention.ms": "4000000"})
    assert scene.admin.alter_configs([resource]) == {"topic": {scene.topic: "OK"}}
    wait_until(lambda: scene.retention() == "4000000", 30, "every broker to know the setting")


def alter_a_topic_as_a_whole(scene: Scene) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, scene.topic, {"retention.ms": "5000000"})
    assert scene.admin.alter_configs([resource], incremental=False) == {"topic": {scene.topic: "OK"}}
    wait_until(lambda: scene.retention() == "5000000", 30, "every broker to know the setting")


def append_to_a_setting(scene: Scene) -> None:
    change = {"cleanup.policy": (AlterConfigOp.APPEND, "compact")}
    scene.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, scene.topic, change)])
    resource = ConfigResource(ConfigResourceType.TOPIC, scene.topic)

    def appended() -> bool:
        found = scene.admin.describe_configs([resource])["topic"][scene.topic]["cleanup.policy"]["value"]
        return sorted(found.split(",")) == ["compact", "delete"]

    wait_until(appended, 30, "every broker to know the setting")


def alter_a_group(scene: Scene) -> None:
    resource = ConfigResource(ConfigResourceType.GROUP, scene.topic, {"share.auto.offset.reset": "earliest"})
    assert scene.admin.alter_configs([resource]) == {"group": {scene.topic: "OK"}}


def alter_a_broker(scene: Scene) -> None:
    for value in ((AlterConfigOp.SET, "1048588"), (AlterConfigOp.DELETE, None)):
        resource = ConfigResource(ConfigResourceType.BROKER, "1", {"message.max.bytes": value})
        assert scene.admin.alter_configs([resource]) == {"broker": {"1": "OK"}}


def elect_leaders(scene: Scene) -> None:
    def elected() -> bool:
        # A broker that stalls cannot lead for a moment.
        scene.admin.elect_leaders(PREFERRED, {scene.topic: [0, 1, 2]}, raise_errors=False)
        return all(part["leader_id"] == part["replica_nodes"][0] for part in partitions(scene.ws, scene.topic))

    wait_until(elected, 60, "the preferred leaders to be elected")


def delete_records(scene: Scene) -> None:
    scene.admin.delete_records({scene.places[0]: 4, scene.places[1]: -1})
    begins = scene.consumer.beginning_offsets(scene.places)
    assert [begins[place] for place in scene.places] == [4, 10, 0]


def delete_a_group(scene: Scene) -> None:
    scene.consumer.commit({scene.places[0]: OffsetAndMetadata(7, "", -1)})
    assert scene.admin.delete_groups([scene.topic]) == {scene.topic: "OK"}
    # With more time for one attempt: after a second one, nobody could tell that the group was not there before.
    with closing(scene.ws.admin()) as patient:
        assert patient.delete_groups([scene.topic]) != {scene.topic: "OK"}


def describe(scene: Scene) -> None:
    assert scene.topic in scene.admin.list_topics()
    wait_until(lambda: len(scene.admin.describe_cluster()["brokers"]) == 3, 60, "all brokers to be registered")
    assert scene.retention() == "-1"


def find_offsets(scene: Scene) -> None:
    assert set(scene.consumer.end_offsets(scene.places).values()) == {10}


def find_beginnings(scene: Scene) -> None:
    assert set(scene.consumer.beginning_offsets(scene.places).values()) == {0}


def find_offsets_for_times(scene: Scene) -> None:
    found = scene.consumer.offsets_for_times(dict.fromkeys(scene.places, 0))
    assert [found[place].offset for place in scene.places] == [0, 0, 0]


def find_a_position(scene: Scene) -> None:
    scene.consumer.assign(scene.places)
    scene.consumer.seek_to_end(*scene.places)
    assert scene.consumer.position(scene.places[0]) == 10


def find_what_is_committed(scene: Scene) -> None:
    assert scene.consumer.committed(scene.places[0]) is None
    scene.consumer.commit({scene.places[0]: OffsetAndMetadata(7, "", -1)})
    assert scene.consumer.committed(scene.places[0]) == 7


def read_metadata(scene: Scene) -> None:
    assert scene.consumer.partitions_for_topic(scene.topic) == {0, 1, 2}


CASES: list[tuple[Callable[[Scene], None], tuple[Kind, ...]]] = [
    (create, (CREATE_TOPICS,)),
    (create, (CREATE_TOPICS_TRIAL, DESCRIBE_CONFIGS, METADATA, CREATE_TOPICS)),
    (create_with_the_project_s_own, (CREATE_TOPICS,)),
    (delete, (DELETE_TOPICS,)),
    (delete, (CREATE_PARTITIONS_TRIAL, DELETE_TOPICS)),
    (delete_by_id, (DELETE_TOPICS,)),
    (tidy, (DELETE_TOPICS,)),
    (grow, (CREATE_PARTITIONS,)),
    (grow, (CREATE_PARTITIONS_TRIAL, CREATE_PARTITIONS, METADATA)),
    (alter_a_topic, (INCREMENTAL_ALTER_CONFIGS,)),
    (alter_a_topic_as_a_whole, (ALTER_CONFIGS,)),
    (append_to_a_setting, (INCREMENTAL_ALTER_CONFIGS,)),
    (alter_a_group, (INCREMENTAL_ALTER_CONFIGS,)),
    (alter_a_broker, (INCREMENTAL_ALTER_CONFIGS,)),
    (elect_leaders, (ELECT_LEADERS,)),
    (delete_records, (DELETE_RECORDS,)),
    (delete_a_group, (DELETE_GROUPS,)),
    (describe, (METADATA, DESCRIBE_CLUSTER, DESCRIBE_CONFIGS)),
    (find_offsets, (LIST_OFFSETS,)),
    (find_offsets, (METADATA, LIST_OFFSETS)),
    (find_beginnings, (LIST_OFFSETS,)),
    (find_offsets_for_times, (LIST_OFFSETS,)),
    (find_a_position, (LIST_OFFSETS,)),
    (find_what_is_committed, (FIND_COORDINATOR, OFFSET_FETCH)),
    (read_metadata, (METADATA,)),
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(("request_of", "kinds"), CASES, ids=[f"{one.__name__}-{len(kinds)}" for one, kinds in CASES])
def test_a_request_succeeds_although_its_first_answer_is_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, how: str, request_of: Callable, kinds: tuple[Kind, ...]
):
    with (
        losing(monkeypatch, how, *kinds) as losses,
        closing(admin_of(scene.ws)) as admin,
    ):  # connects through the relay
        consumer = KafkaConsumer(**{**scene.ws.kafka, **PATIENCE}, group_id=scene.topic, enable_auto_commit=False)
        with closing(consumer):
            request_of(Scene(scene.ws, scene.topic, admin, consumer))
    assert set(losses.lost) == set(kinds)
    assert all(losses.requests[kind] > 1 for kind in kinds), losses.requests


def test_what_was_done_before_is_still_an_error(scene: Scene):
    more = scene.topic + "-more"
    admin = scene.admin
    with pytest.raises(TopicAlreadyExistsError):
        admin.create_topics([scene.topic])
    with pytest.raises(InvalidPartitionsError):
        admin.create_partitions({scene.topic: 3})
    with pytest.raises(InvalidPartitionsError):
        admin.create_partitions({scene.topic: 2})
    admin.create_topics([more])
    admin.delete_topics([more])  # another broker can still have it in its metadata
    with pytest.raises(UnknownTopicOrPartitionError):
        admin.delete_topics([more])
    answer = admin.create_topics([scene.topic], raise_errors=False)
    assert answer["topics"][0]["error_code"] == TopicAlreadyExistsError.errno


@pytest.mark.parametrize("how", HOW)
def test_what_was_done_before_is_still_an_error_if_the_answer_is_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, how: str
):
    with losing(monkeypatch, how, CREATE_TOPICS, CREATE_PARTITIONS), closing(admin_of(scene.ws)) as admin:
        with pytest.raises(TopicAlreadyExistsError):
            admin.create_topics([scene.topic])
        with pytest.raises(InvalidPartitionsError):
            admin.create_partitions({scene.topic: 3})


def test_a_topic_of_another_shape_is_not_taken_for_the_one_that_was_wanted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    """Another client has created a different topic before the request: that is not a success."""
    from workshop.kafka.repairs import admin as admin_repairs

    async def nothing_is_created_yet(admin: KafkaAdminClient, request: object) -> set:
        return {topic.name for topic in request.topics}

    kind = admin_repairs.CHANGES[19]
    changed = admin_repairs.Change(kind.done_already, kind.entries, nothing_is_created_yet, kind.holds)
    monkeypatch.setitem(admin_repairs.CHANGES, 19, changed)
    monkeypatch.setattr(admin_repairs, "HOLDS_WITHIN", 0.0)
    same = {"num_partitions": 3, "replication_factor": 3, "configs": {"retention.ms": "-1"}}
    assert scene.admin.create_topics({scene.topic: same})["topics"][0]["error_code"] == 0
    for other in ({"num_partitions": 4}, {"replication_factor": 2}, {"configs": {"retention.ms": "17"}}):
        with pytest.raises(TopicAlreadyExistsError):
            scene.admin.create_topics({scene.topic: {**same, **other}})


def test_records_that_come_while_a_deletion_is_repeated_stay(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """ "Delete all records up to now" refers to the time of the call, not of its second attempt."""
    place = scene.places[0]
    late = KafkaProducer(**scene.ws.kafka, acks="all")
    with losing(monkeypatch, SILENTLY, DELETE_RECORDS) as losses, closing(admin_of(scene.ws)) as admin:
        sent = admin._manager.send

        def with_a_late_record(request: object, *where: object, **more: object) -> object:
            if losses.lost and Kind(request.API_KEY) == DELETE_RECORDS:
                late.send(scene.topic, b"late", partition=0).get(timeout=60)
            return sent(request, *where, **more)

        monkeypatch.setattr(admin._manager, "send", with_a_late_record)
        admin.delete_records({place: -1})
    late.close()
    assert losses.lost == [DELETE_RECORDS]
    begins, ends = scene.consumer.beginning_offsets([place]), scene.consumer.end_offsets([place])
    assert (begins[place], ends[place]) == (10, 11)


def test_a_look_up_that_nobody_answers_ends_in_a_sentence(scene: Scene):
    hasty = {**scene.ws.kafka, "request_timeout_ms": 1_000, "fetch_max_wait_ms": 500}
    with closing(KafkaConsumer(**hasty, group_id=scene.topic)) as consumer, scene.ws.brokers.restored_afterwards():
        consumer.assign(scene.places)
        for node in (1, 2, 3):
            scene.ws.brokers.pause(node)
        for ask in (
            lambda: consumer.end_offsets(scene.places),
            lambda: consumer.beginning_offsets(scene.places),
            lambda: consumer.offsets_for_times(dict.fromkeys(scene.places, 0)),
            lambda: consumer.position(scene.places[0]),
            lambda: consumer.committed(scene.places[0]),
        ):
            with pytest.raises(Unanswered, match=rf"within 2 s: .*'{scene.topic}' \(partition 0.*workshop status"):
                ask()


def test_a_look_up_goes_on_at_another_broker_if_one_is_frozen(scene: Scene):
    """The frozen broker is the leader, the source of the metadata, or the first in the list of addresses."""
    for node in (1, 2, 3):
        with scene.ws.brokers.restored_afterwards():
            scene.ws.brokers.pause(node)
            first = scene.ws.kafka["bootstrap_servers"][node - 1]
            others = [one for one in scene.ws.kafka["bootstrap_servers"] if one != first]
            # Longer than elsewhere: the frozen broker's partitions need another leader first.
            kafka = {**scene.ws.kafka, "request_timeout_ms": 20_000, "bootstrap_servers": [first, *others]}
            with closing(KafkaConsumer(**kafka)) as consumer:
                assert set(consumer.end_offsets(scene.places).values()) == {10}
            with closing(KafkaAdminClient(**kafka)) as admin:
                assert scene.topic in admin.list_topics()


def test_a_topic_that_does_not_exist_is_named(scene: Scene):
    nowhere = f"my-topic-{uuid.uuid4().hex[:6]}"
    sentence = rf"There is no topic '{nowhere}'\. Run the cell that creates it\."
    with closing(KafkaProducer(**scene.ws.kafka)) as producer:
        with pytest.raises(NoSuchTopic, match=sentence):
            producer.send(nowhere, b"x")
        with pytest.raises(NoSuchTopic, match=sentence):
            producer.partitions_for(nowhere)
    for describe in (
        lambda: scene.admin.describe_topics([scene.topic, nowhere]),
        lambda: scene.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, nowhere)]),
        lambda: partitions(scene.ws, nowhere),
    ):
        with pytest.raises(NoSuchTopic, match=sentence):
            describe()
    place = TopicPartition(nowhere, 0)
    with closing(KafkaConsumer(**scene.ws.kafka)) as consumer:
        for ask in (lambda: consumer.end_offsets([place, *scene.places]), lambda: consumer.beginning_offsets([place])):
            with pytest.raises(NoSuchTopic, match=sentence):
                ask()
        consumer.assign([place])
        with pytest.raises(NoSuchTopic, match=sentence):
            next(consumer)
    for group in (None, nowhere):
        reader = KafkaConsumer(nowhere, scene.topic, **scene.ws.kafka, group_id=group)
        with closing(reader), pytest.raises(NoSuchTopic, match=sentence):
            poll_for_ever(reader)


def poll_for_ever(consumer: KafkaConsumer) -> None:
    while True:
        consumer.poll(timeout_ms=100)


def test_a_topic_that_was_just_created_is_not_missing(scene: Scene):
    """Without a wait: the brokers receive the topic after the controller has created it."""
    names = [f"{scene.topic}-{number}" for number in range(5)]
    options = {"num_partitions": 3, "replication_factor": 3, "configs": {"retention.ms": "-1"}}
    with closing(KafkaProducer(**scene.ws.kafka, acks="all")) as producer, closing(admin_of(scene.ws)) as other:
        for name in names:
            scene.admin.create_topics({name: options})
            resource = ConfigResource(ConfigResourceType.TOPIC, name)
            assert other.describe_configs([resource])["topic"][name]["retention.ms"]["value"] == "-1"
            assert len(other.describe_topics([name])[0]["partitions"]) == 3
            assert producer.send(name, b"x").get(timeout=60).topic == name
    with closing(KafkaConsumer(**scene.ws.kafka)) as consumer:
        places = [TopicPartition(name, number) for name in names for number in range(3)]
        assert sum(consumer.end_offsets(places).values()) == len(names)


def test_a_topic_that_is_deleted_after_it_was_listed_counts_as_deleted(ws: Connection) -> None:
    topic, other = ws.fresh_topic("gone"), ws.fresh_topic("stays")

    def wanted(name: str) -> bool:
        if name == topic:
            with closing(ws.admin()) as somebody:
                somebody.delete_topics([topic])
        return name in (topic, other)

    assert sorted(kafka_admin.delete_topics(ws.kafka, wanted)) == sorted([topic, other])
    with closing(ws.admin()) as admin:  # it may ask a broker that does not know of the deletion yet
        wait_until(lambda: not {topic, other} & set(admin.list_topics()), 30, "the topics to be gone")
