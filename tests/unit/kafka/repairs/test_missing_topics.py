"""Whether a topic exists: asked of the controller, else of each broker; and how long a producer waits for it."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest
from kafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaTimeoutError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)
from kafka.future import Future
from kafka.protocol.metadata import MetadataRequest
from kafka.util import Timer
from workshop.kafka.failures import NoSuchTopic, Unanswered
from workshop.kafka.repairs import missing_topics

NO_ERROR, UNKNOWN, INVALID_NAME, ONE_PARTITION = 0, 3, 17, 37
REFUSED = ClusterAuthorizationFailedError.errno


class Manager:
    """A manager of connections whose controller and brokers answer as a test says; an exception is raised."""

    def __init__(self, controller: int | Exception, brokers: dict[int, int | Exception] | None = None) -> None:
        self.controller, self.brokers = controller, brokers or {}
        self.config = {"request_timeout_ms": 3_000}
        self.cluster = SimpleNamespace(brokers=lambda: [SimpleNamespace(node_id=node) for node in self.brokers])
        self.asked: list[object] = []

    async def send(self, request: object, node_id: int | None = None, request_timeout_ms: float = 0) -> object:
        self.asked.append(node_id)
        of_a_broker = isinstance(request, MetadataRequest)
        answer = self.brokers[node_id] if of_a_broker else self.controller
        if isinstance(answer, Exception):
            raise answer
        result = SimpleNamespace(name="topic", error_code=answer)
        return SimpleNamespace(topics=[result], results=[result])


def ask(manager: Manager) -> None:
    asyncio.run(missing_topics.must_exist(manager, "topic"))


@pytest.mark.parametrize("code", [NO_ERROR, ONE_PARTITION])
def test_a_topic_that_the_controller_knows_exists(code: int):
    manager = Manager(code)
    ask(manager)
    assert manager.asked == [None]


def test_a_topic_that_the_controller_does_not_know_is_named():
    with pytest.raises(NoSuchTopic, match=r"There is no topic 'topic'\. Run the cell"):
        ask(Manager(UNKNOWN, {1: NO_ERROR}))


@pytest.mark.parametrize("controller", [REFUSED, RequestTimedOutError(), ConnectionResetError()])
def test_where_the_controller_does_not_say_one_broker_that_knows_it_is_enough(controller: int | Exception):
    manager = Manager(controller, {1: UNKNOWN, 2: NO_ERROR})
    ask(manager)
    assert manager.asked == [None, 1, 2]


@pytest.mark.parametrize("code", [UNKNOWN, INVALID_NAME])
def test_a_topic_that_no_broker_knows_does_not_exist(code: int):
    with pytest.raises(NoSuchTopic):
        ask(Manager(REFUSED, {1: code, 2: RequestTimedOutError(), 3: code}))


@pytest.mark.parametrize("brokers", [{}, {1: RequestTimedOutError(), 2: ConnectionResetError()}])
def test_if_nobody_answers_nothing_is_claimed(brokers: dict):
    ask(Manager(RequestTimedOutError(), brokers))


def partitions(controller: int | Exception, known: list[set], monkeypatch: pytest.MonkeyPatch) -> set:
    """What a consumer returns whose broker answers as told, once each; nothing takes time, and each look is a second."""
    answers, now = iter(known), iter(range(100))
    monkeypatch.setattr(missing_topics, "_partitions_for_topic", lambda consumer, topic: next(answers))
    clock = SimpleNamespace(monotonic=lambda: next(now), sleep=lambda seconds: None)
    monkeypatch.setattr(missing_topics, "time", clock)
    net = SimpleNamespace(run=lambda ask, *args: asyncio.run(ask(*args)))
    manager = Manager(controller, {1: TopicAuthorizationFailedError.errno})
    consumer = SimpleNamespace(config={"request_timeout_ms": 3_000}, _net=net, _manager=manager)
    found = missing_topics._partitions_of_what_exists(consumer, "topic")
    assert list(answers) == []
    return found


@pytest.mark.parametrize("known", [[set(), set(), {0, 1}], [{0, 1}]])
def test_a_broker_that_does_not_know_a_topic_yet_is_asked_again(known: list[set], monkeypatch: pytest.MonkeyPatch):
    assert partitions(ONE_PARTITION, known, monkeypatch) == {0, 1}


@pytest.mark.parametrize("controller", [UNKNOWN, TopicAuthorizationFailedError.errno, RequestTimedOutError()])
def test_a_broker_is_asked_once_if_the_controller_does_not_have_the_topic_or_does_not_say(
    controller: int | Exception, monkeypatch: pytest.MonkeyPatch
):
    assert partitions(controller, [set()], monkeypatch) == set()


def test_an_existing_topic_that_no_broker_reports_is_not_called_missing(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Unanswered, match=r"did not report the partitions of topic 'topic' within 6 s\."):
        partitions(ONE_PARTITION, [set()] * 10, monkeypatch)


def producer_whose_topic(exists: bool) -> SimpleNamespace:
    """A producer whose own thread answers whether a topic exists."""

    def call_soon(question: object, manager: object, topic: str) -> Future:
        answer = Future()
        end = answer.success if exists else answer.failure
        threading.Thread(target=end, args=[None if exists else NoSuchTopic(topic)]).start()
        return answer

    manager = SimpleNamespace(call_soon=call_soon)
    return SimpleNamespace(_metadata=SimpleNamespace(_manager=manager), _sender=SimpleNamespace(wakeup=lambda: None))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits for metadata of a producer, in milliseconds; none of them succeeds, and none takes time."""
    asked: list[float] = []

    def wait(producer: object, topic: str, max_wait_ms: float) -> set:
        asked.append(max_wait_ms)
        raise KafkaTimeoutError("no metadata")

    monkeypatch.setattr(missing_topics, "_wait_on_metadata", wait)
    return asked


def test_a_producer_is_told_after_a_second_that_its_topic_does_not_exist(waits: list[float]):
    with pytest.raises(NoSuchTopic):
        missing_topics._wait_on_metadata_of_what_exists(producer_whose_topic(exists=False), "topic", 60_000)
    assert waits == [1_000]


def test_a_producer_waits_to_the_end_for_a_topic_that_exists(waits: list[float], monkeypatch: pytest.MonkeyPatch):
    now = iter(range(100))
    monkeypatch.setattr(missing_topics, "time", SimpleNamespace(monotonic=lambda: next(now)))
    with pytest.raises(Unanswered, match=r"did not report the partitions of topic 'topic' within 8 s\."):
        missing_topics._wait_on_metadata_of_what_exists(producer_whose_topic(exists=True), "topic", 8_000)
    assert len(waits) > 1


def test_a_wait_shorter_than_the_look_is_given_in_full(waits: list[float]):
    with pytest.raises(Unanswered):
        missing_topics._wait_on_metadata_of_what_exists(producer_whose_topic(exists=False), "topic", 300)
    (waited,) = waits
    assert 0 < waited <= 300


def test_metadata_that_are_there_are_returned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(missing_topics, "_wait_on_metadata", lambda *about: {0, 1})
    assert missing_topics._wait_on_metadata_of_what_exists(SimpleNamespace(), "topic", 1_000) == {0, 1}


class Consumer:
    """A consumer that subscribes to a topic, of which it has metadata or not."""

    def __init__(self, known: bool) -> None:
        partitions = {0} if known else None
        self._cluster = SimpleNamespace(partitions_for_topic=lambda name: partitions, request_update=lambda: None)
        self._subscription = SimpleNamespace(subscription={"topic"})
        self._manager = Manager(UNKNOWN)
        self._net = SimpleNamespace(run=lambda step, *about: asyncio.run(step(*about)))

    def assignment(self) -> set:
        return set()


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each poll may last, in milliseconds; none of them finds a record."""
    asked: list[float] = []
    monkeypatch.setattr(missing_topics, "_poll_once", lambda consumer, timer: asked.append(timer.timeout_ms) or {})
    return asked


def test_a_consumer_of_a_known_topic_polls_as_long_as_it_wants(polls: list[float]):
    assert missing_topics._poll_what_exists(Consumer(known=True), Timer(60_000)) == {}
    assert polls[0] > 50_000


def test_a_consumer_is_told_that_its_topic_does_not_exist(polls: list[float], monkeypatch: pytest.MonkeyPatch):
    consumer = Consumer(known=False)
    assert missing_topics._poll_what_exists(consumer, Timer(60_000)) == {}
    assert polls[0] <= 1_000
    monkeypatch.setattr(missing_topics, "LOOK_AFTER", -1.0)
    with pytest.raises(NoSuchTopic):
        missing_topics._poll_what_exists(consumer, Timer(60_000))
