"""Errors of Kafka clients with a message for the user: the fact and the next command."""

from __future__ import annotations

import re
import sys

from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from workshop.base.errors import WorkshopError

ADVICE = "`workshop status` shows what runs; `workshop up` repairs it. Then run the cell again."
CREATE = "Run the cell that creates it."


def _next_step(topic: str) -> str:
    """Return the command after a missing topic; it may be the name of the notebook's variable that holds the real name."""
    is_variable = isinstance(vars(sys.modules["__main__"]).get(topic), str)
    return f"`{topic}` is a variable: write it without quotes." if is_variable else CREATE


class NoSuchTopic(KafkaError, WorkshopError):
    """The topic does not exist."""

    __str__ = WorkshopError.__str__

    def __init__(self, topic: str) -> None:
        WorkshopError.__init__(self, f"There is no topic '{topic}'.", _next_step(topic))
        self.topic = topic


def missing_topic(error: KafkaError) -> NoSuchTopic | None:
    """Return the error of an admin client as a message with the topic's name; None if it is another error.

    kafka-python 3.0.12 puts the request and the response into the text of the error, without a field for the topic.
    """
    if not isinstance(error, UnknownTopicOrPartitionError):
        return None
    _, _, response = str(error).rpartition(" failed with response ")
    named = re.search(r"\b(?:name|topic)='([^']+)'(?:[^()]*\berror_code=3\b|, partition=)", response)
    return NoSuchTopic(named[1]) if named else None


class OpenTransaction(KafkaError, WorkshopError):
    """A transaction was begun while another one of the same producer was open."""

    __str__ = WorkshopError.__str__

    def __init__(self) -> None:
        step = "Commit or abort it, or run the cell that creates the producer again."
        WorkshopError.__init__(self, "A transaction of this producer is still open.", step)


def open_transaction(error: KafkaError) -> OpenTransaction | None:
    """Return the error of a producer that began a second transaction as a message; None if it is another error.

    kafka-python 3.0.12 raises a plain KafkaError with the states of its own state machine.
    """
    again = "Invalid transition attempted from state IN_TRANSACTION to state IN_TRANSACTION"
    return OpenTransaction() if again in str(error) else None


class Unanswered(KafkaTimeoutError, WorkshopError):
    """A request was repeated and not answered in time."""

    __str__ = WorkshopError.__str__


class ClosedClient(IllegalStateError, WorkshopError):
    """A client was used after it was closed."""

    __str__ = WorkshopError.__str__

    def __init__(self, client: str) -> None:
        WorkshopError.__init__(self, f"This {client} is closed.", "Run the cell that creates it again.")
