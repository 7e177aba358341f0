"""Errors of admin clients about a topic that does not exist: the name is found in the error's text."""

from __future__ import annotations

import sys

import pytest
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError
from kafka.producer.transaction_manager import TransactionManager, TransactionState
from workshop.kafka.failures import NoSuchTopic, missing_topic, open_transaction

# As kafka-python 3.0.12 writes them.
DELETED = (
    "Request 'DeleteTopicsRequest(version=6, topics=[DeleteTopicState(name='there', topic_id=None), "
    "DeleteTopicState(name='no_such', topic_id=None)], timeout_ms=30000)' failed with response "
    "'DeleteTopicsResponse(version=6, throttle_time_ms=0, responses=["
    "DeletableTopicResult(version=6, name='there', topic_id=None, error_code=0, error_message=None), "
    "DeletableTopicResult(version=6, name='no_such', topic_id=None, error_code=3, error_message='This server does not')])'."
)
LISTED = "The following partitions are not known: TopicPartition(topic='no_such', partition=0)"


@pytest.mark.parametrize("text", [DELETED, LISTED])
def test_a_topic_that_an_admin_client_does_not_find_is_named(text: str):
    missing = missing_topic(UnknownTopicOrPartitionError(text))
    assert missing is not None
    assert missing.lines() == ["There is no topic 'no_such'.", "→ Run the cell that creates it."]


def test_a_topic_that_has_the_name_of_a_variable_was_written_in_quotes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(vars(sys.modules["__main__"]), "my_topic", "first-payments-1")
    assert NoSuchTopic("my_topic").lines() == [
        "There is no topic 'my_topic'.",
        "→ `my_topic` is a variable: write it without quotes.",
    ]
    assert NoSuchTopic("sys").lines()[1] == "→ Run the cell that creates it."


@pytest.mark.parametrize(
    "error",
    [UnknownTopicOrPartitionError("who knows"), UnknownTopicOrPartitionError(), TopicAlreadyExistsError(DELETED)],
)
def test_other_errors_stay_as_they_are(error: KafkaError):
    assert missing_topic(error) is None


def test_a_second_transaction_has_a_message_with_the_next_step():
    text = "TransactionalId a: Invalid transition attempted from state IN_TRANSACTION to state IN_TRANSACTION"
    known = open_transaction(KafkaError(text))
    assert known is not None
    assert known.lines() == [
        "A transaction of this producer is still open.",
        "→ Commit or abort it, or run the cell that creates the producer again.",
    ]
    other = "TransactionalId a: Invalid transition attempted from state READY to state COMMITTING_TRANSACTION"
    assert open_transaction(KafkaError(other)) is None


def test_the_message_about_a_second_transaction_fits_the_producer():
    manager = TransactionManager("a", 1_000, 100)
    manager._current_state = TransactionState.IN_TRANSACTION
    with pytest.raises(KafkaError) as error:
        manager._transition_to(TransactionState.IN_TRANSACTION)
    assert open_transaction(error.value) is not None
