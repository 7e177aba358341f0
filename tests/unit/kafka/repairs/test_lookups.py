"""Look-ups that do not depend on one silent broker: which broker is asked, for how long, and the final sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.cluster import ClusterMetadata
from kafka.errors import KafkaTimeoutError, RequestTimedOutError
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from workshop.kafka.failures import Unanswered
from workshop.kafka.repairs import lookups


@pytest.fixture
def manager() -> Iterator[KafkaConnectionManager]:
    """A manager that knows the brokers 1, 2 and 3, and has no connection to any."""
    net = NetworkSelector()
    made = KafkaConnectionManager(net, bootstrap_servers=["a:1", "b:2", "c:3"], request_timeout_ms=30_000)
    made.cluster._brokers = {node: SimpleNamespace(node_id=node) for node in (1, 2, 3)}
    yield made
    net.close()


def chosen(manager: KafkaConnectionManager, count: int = 20) -> set:
    return {lookups._rather_one_that_answers(manager) for _ in range(count)}


def test_brokers_that_did_not_answer_are_not_asked_next(manager: KafkaConnectionManager):
    lookups._note_silence(manager, 1, RequestTimedOutError())
    lookups._note_silence(manager, 2, KafkaTimeoutError())
    assert chosen(manager) == {3}


def test_a_broker_whose_connection_ended_otherwise_is_asked(manager: KafkaConnectionManager):
    lookups._note_silence(manager, 1, ConnectionResetError())
    assert lookups._silent(manager) == set()


def test_a_broker_is_asked_again_after_some_time(manager: KafkaConnectionManager, monkeypatch: pytest.MonkeyPatch):
    lookups._note_silence(manager, 1, RequestTimedOutError())
    assert lookups._silent(manager) == {1}
    later = time.monotonic() + lookups.SILENT_FOR + 1
    monkeypatch.setattr(lookups, "time", SimpleNamespace(monotonic=lambda: later))
    assert lookups._silent(manager) == set()


def test_if_all_brokers_are_silent_one_of_them_is_asked(
    manager: KafkaConnectionManager, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lookups, "_least_loaded_node", lambda manager: 2)
    for node in (1, 2, 3):
        lookups._note_silence(manager, node, RequestTimedOutError())
    assert chosen(manager) == {2}


def test_of_the_others_the_one_with_the_fewest_requests_is_asked(manager: KafkaConnectionManager):
    lookups._note_silence(manager, 1, RequestTimedOutError())
    busy = SimpleNamespace(in_flight_requests=[1, 2], paused=())
    idle = SimpleNamespace(in_flight_requests=[], paused=())
    manager._conns.update({2: busy, 3: idle})
    assert chosen(manager) == {3}


def test_a_paused_connection_is_not_chosen(manager: KafkaConnectionManager):
    lookups._note_silence(manager, 1, RequestTimedOutError())
    manager._conns[3] = SimpleNamespace(in_flight_requests=[], paused={"throttled"})
    assert chosen(manager) == {2}


def test_the_first_connection_goes_on_to_addresses_that_failed_least(manager: KafkaConnectionManager):
    brokers = manager.cluster.bootstrap_brokers()
    manager._backoff[brokers[0].node_id] = (2, 0, 0)
    manager._backoff[brokers[1].node_id] = (1, 0, 0)
    assert lookups._least_often_failed(manager.cluster) == [brokers[2]]
    manager._backoff[brokers[2].node_id] = (1, 0, 0)
    assert lookups._least_often_failed(manager.cluster) == brokers[1:]


def test_a_cluster_without_a_manager_has_all_its_addresses():
    cluster = ClusterMetadata(bootstrap_servers=["a:1", "b:2"])
    assert len(lookups._least_often_failed(cluster)) == 2


def test_one_attempt_lasts_a_third_of_the_time_of_a_request(manager: KafkaConnectionManager):
    assert lookups._try_seconds(manager) == 10


@pytest.mark.parametrize(("key", "given", "expected"), [(3, None, 10_000), (3, 500, 500), (0, None, None)])
def test_only_questions_without_a_bound_of_their_own_are_bounded(
    manager: KafkaConnectionManager, monkeypatch: pytest.MonkeyPatch, key: int, given: int | None, expected: int | None
):
    sent: list[object] = []
    monkeypatch.setattr(
        lookups, "_send", lambda manager, request, node_id, request_timeout_ms: sent.append(request_timeout_ms)
    )
    lookups._answer_within_a_try(manager, SimpleNamespace(API_KEY=key), request_timeout_ms=given)
    assert sent == [expected]


CONSUMER = SimpleNamespace(config={"request_timeout_ms": 10, "retry_backoff_ms": 1})


def test_a_look_up_is_repeated_until_there_is_an_answer():
    answers = iter([None, KafkaTimeoutError("frozen"), 0])

    def look_up(left_ms: float) -> int | None:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert lookups._within_bounds(CONSUMER, 60_000, "where it ends", look_up) == 0


def test_a_look_up_without_an_answer_ends_with_what_was_looked_up_and_the_last_error():
    def look_up(left_ms: float) -> int:
        raise KafkaTimeoutError("broker 2 is frozen")

    with pytest.raises(Unanswered, match=r"did not answer within 0\.02 s: where it ends\.") as unanswered:
        lookups._within_bounds(CONSUMER, None, "where it ends", look_up)
    assert "broker 2 is frozen" in unanswered.value.detail


def test_a_look_up_is_tried_once_even_if_no_time_is_left():
    assert lookups._within_bounds(CONSUMER, 0, "where it ends", lambda left: 5) == 5


def test_a_defect_is_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        lookups._within_bounds(CONSUMER, 60_000, "where it ends", lambda left: 1 / 0)


def test_partitions_are_named_by_topic_in_order():
    places = [TopicPartition("a", 10), TopicPartition("b", 0), TopicPartition("a", 2)]
    assert lookups._said(places) == "topic 'a' (partition 2, 10) and topic 'b' (partition 0)"
