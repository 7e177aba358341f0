"""A leader that the list of brokers does not contain: a retriable error, and newer metadata are requested."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kafka.errors import NodeNotReadyError, UnknownBrokerIdError
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.producer.sender import Sender
from workshop.kafka.repairs import unlisted_brokers
from workshop.kafka.repairs.unlisted_brokers import BrokerNotListed


@pytest.fixture
def manager() -> Iterator[KafkaConnectionManager]:
    """A manager of connections that knows no broker; nothing connects."""
    net = NetworkSelector()
    yield KafkaConnectionManager(net, bootstrap_servers=["127.0.0.1:9"])
    net.close()


def test_a_broker_that_is_not_listed_is_a_retriable_error(manager: KafkaConnectionManager):
    with pytest.raises(BrokerNotListed) as missing:
        unlisted_brokers.get_connection_or_refresh(manager, 7)
    assert missing.value.args == (7,)
    assert missing.value.retriable
    assert isinstance(missing.value, NodeNotReadyError)
    assert isinstance(missing.value, UnknownBrokerIdError)


def test_newer_metadata_are_requested(manager: KafkaConnectionManager, monkeypatch: pytest.MonkeyPatch):
    requests: list[bool] = []
    monkeypatch.setattr(manager.cluster, "request_update", lambda: requests.append(True))
    with pytest.raises(BrokerNotListed):
        unlisted_brokers.get_connection_or_refresh(manager, 7)
    assert requests == [True]


def test_other_errors_of_a_connection_are_left_as_they_are(manager: KafkaConnectionManager):
    with pytest.raises(NodeNotReadyError) as error:
        unlisted_brokers.get_connection_or_refresh(manager, None)
    assert not isinstance(error.value, BrokerNotListed)


@pytest.mark.parametrize("fails", [True, False])
def test_the_network_is_polled_once_more_after_a_failed_pass_only(fails: bool, monkeypatch: pytest.MonkeyPatch):
    polls: list[int] = []

    def one_pass(sender: object) -> None:
        if fails:
            raise KeyError("a pass")

    client = SimpleNamespace(poll=lambda timeout_ms: polls.append(timeout_ms))
    sender = SimpleNamespace(_client=client, config={"retry_backoff_ms": 50})
    monkeypatch.setattr(unlisted_brokers, "_run_once", one_pass)
    if fails:
        with pytest.raises(KeyError):
            unlisted_brokers._run_once_then_poll(sender)
    else:
        unlisted_brokers._run_once_then_poll(sender)
    assert polls == [50] * fails


def test_the_repair_can_be_installed_twice():
    unlisted_brokers.apply()
    unlisted_brokers.apply()
    assert Sender.run_once is unlisted_brokers._run_once_then_poll
    assert unlisted_brokers._run_once is not Sender.run_once
