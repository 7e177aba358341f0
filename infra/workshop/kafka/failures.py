"""Errors of Kafka clients with a message for the user: the fact and the next command."""

from __future__ import annotations

from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError

from workshop.base.errors import WorkshopError

ADVICE = "`workshop status` shows what runs; `workshop up` repairs it. Then run the cell again."
CREATE = "Run the cell that creates it."


class NoSuchTopic(KafkaError, WorkshopError):
    """The topic does not exist."""

    __str__ = WorkshopError.__str__

    def __init__(self, topic: str) -> None:
        WorkshopError.__init__(self, f"There is no topic '{topic}'.", CREATE)
        self.topic = topic


class Unanswered(KafkaTimeoutError, WorkshopError):
    """A request was repeated and not answered in time."""

    __str__ = WorkshopError.__str__


class ClosedClient(IllegalStateError, WorkshopError):
    """A client was used after it was closed."""

    __str__ = WorkshopError.__str__

    def __init__(self, client: str) -> None:
        WorkshopError.__init__(self, f"This {client} is closed.", "Run the cell that creates it again.")
