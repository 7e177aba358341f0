"""A service that blocks cards, as a process that is killed after a chosen step.

An attendee's function `block_card(bank, topic, card)` blocks each card. Its steps are counted (a statement, the end of a
transaction, an acknowledged event), and the process kills itself after the given one.

Usage: python -m workshop.lessons.change_data_capture.blocking FILE FUNCTION ADDRESSES TOPIC CARDS [FATAL_CARD FATAL_STEP]
The environment variable BANK_DATABASE contains the address of the database.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from kafka import KafkaProducer
from psycopg.types.json import Jsonb

from workshop.base.environment import variable
from workshop.kafka.access import prepare_program

KNOWN = {"json": json, "uuid": uuid, "Jsonb": Jsonb}  # names for the function, besides its own imports


class Steps:
    """Counter of the steps for a card, which kills the process after a chosen one."""

    def __init__(self) -> None:
        self.taken = 0
        self.fatal = 0  # 0: none

    def take(self) -> None:
        """Count a step."""
        self.taken += 1
        if self.taken == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class Topic:
    """The topic for the function: `topic.send(card, event)`."""

    def __init__(self, producer: KafkaProducer, name: str, steps: Steps) -> None:
        self._producer, self._name, self._steps = producer, name, steps

    def send(self, card: str, event: dict) -> None:
        """Write an event with the card as key, and wait until it is acknowledged."""
        value = json.dumps(event).encode()
        self._producer.send(self._name, key=json.dumps(card).encode(), value=value).get(timeout=30)
        self._steps.take()


def connect(address: str, steps: Steps) -> psycopg.Connection:
    """Return a connection that counts statements and ends of transactions as steps."""

    class Cursor(psycopg.Cursor):
        def execute(self, *arguments: Any, **named: Any) -> Self:
            done = super().execute(*arguments, **named)
            steps.take()
            return done

    class Bank(psycopg.Connection):
        @contextmanager
        def transaction(self, *arguments: Any, **named: Any) -> Iterator[psycopg.Transaction]:
            with super().transaction(*arguments, **named) as begun:
                yield begun
            steps.take()

    return Bank.connect(address, autocommit=True, cursor_factory=Cursor)


def block(function: Callable, bank: psycopg.Connection, topic: Topic, card: str, steps: Steps, fatal: int) -> None:
    """Block one card, and kill the process after the step `fatal`; 0 for none."""
    steps.taken, steps.fatal = 0, fatal
    function(bank, topic, card)


def main() -> None:
    """Block one card after the other; an error of the function ends the process with one line."""
    file, name, addresses, topic, cards, *fate = sys.argv[1:]
    fatal_card, fatal_step = (fate[0], int(fate[1])) if fate else ("", 0)
    steps = Steps()
    producer = KafkaProducer(**prepare_program(addresses), acks="all")
    try:
        with connect(variable("BANK_DATABASE"), steps) as bank:
            function = runpy.run_path(file, init_globals=KNOWN)[name]
            for card in cards.split(","):
                block(function, bank, Topic(producer, topic, steps), card, steps, fatal_step * (card == fatal_card))
    except Exception as error:  # an attendee's function can raise any error
        sys.exit(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    finally:
        producer.close(timeout=10)


if __name__ == "__main__":
    main()
