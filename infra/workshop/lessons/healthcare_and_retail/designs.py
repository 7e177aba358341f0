"""Lesson 10, exercise 3: a design is published, delivered twice, folded, corrected, and read without the persons' keys."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer

from workshop.domain.healthcare.pseudonyms import new_key, pseudonym
from workshop.domain.healthcare.shredding import Forgotten, KeyRing
from workshop.kafka import consume
from workshop.notebook.connection import Connection

PATIENCE = 60.0  # seconds
PARTITIONS = 3
LOCKED = "personal_encrypted"  # the field with the encrypted part of an event

Evolve = Callable[[Any, dict], Any]
States = dict[str, Any]


@dataclass(frozen=True)
class Delivered:
    """What a reader got.

    Attributes:
        key: the key of the record.
        event: the event, with the personal fields if their key is there.
        raw: key and value, as Kafka stores them.
        partition: the partition of the record.
    """

    key: str
    event: dict
    raw: bytes
    partition: int


class Published:
    """The events of a design in a new topic: each one twice in a row, and then all of them once more.

    Personal fields are encrypted with one key per person; a person is the values of these fields.
    """

    def __init__(self, ws: Connection, events: Iterable[Mapping], key: str, personal: Iterable[str]) -> None:
        self._ws, self.topic = ws, ws.fresh_topic("design", partitions=PARTITIONS)
        self._ring, self._personal, self._secret = KeyRing(), set(personal), new_key()
        given = [dict(event) for event in events]
        self._persons = {self._person(event) for event in given} - {""}
        twice = [event for one in given for event in (one, one)]
        with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
            sent = [
                producer.send(self.topic, key=str(event[key]).encode(), value=self._locked(event))
                for event in [*twice, *given]
            ]
            for future in sent:
                future.get(timeout=PATIENCE)

    def forget_everybody(self) -> int:
        """Delete the key of each person; return the number of persons."""
        for person in self._persons:
            self._ring.forget(person)
        return len(self._persons)

    def read(self) -> list[Delivered]:
        """Return every record, with the personal fields that can still be decrypted."""
        return [
            Delivered(
                record.key.decode(), self._unlocked(record.value), record.key + b" " + record.value, record.partition
            )
            for record in consume.read_all(self._ws, self.topic)
        ]

    def _person(self, event: Mapping) -> str:
        values = {name: event[name] for name in sorted(self._personal & set(event))}
        return pseudonym(self._secret, json.dumps(values, default=str)) if values else ""

    def _locked(self, event: Mapping) -> bytes:
        plain = {name: value for name, value in event.items() if name not in self._personal}
        if person := self._person(event):
            fields = {name: event[name] for name in self._personal & set(event)}
            plain[LOCKED] = [person, self._ring.lock(person, str(event["id"]), fields)]
        return json.dumps(plain, ensure_ascii=False, default=str).encode()

    def _unlocked(self, value: bytes) -> dict:
        event = json.loads(value)
        if LOCKED in event:
            person, locked = event.pop(LOCKED)
            try:
                event |= self._ring.unlock(person, event["id"], locked)
            except Forgotten:
                event |= dict.fromkeys(self._personal)
        return event


def once(events: Iterable[Mapping], key: str, without: str = "") -> list[tuple[str, dict]]:
    """Return keys and events as they happened, each once; without the event of one id."""
    return [(str(event[key]), as_stored(event)) for event in events if event["id"] != without]


def as_stored(event: Mapping) -> dict:
    """Return an event as it comes back from JSON."""
    return json.loads(json.dumps(dict(event), ensure_ascii=False, default=str))


def fold(evolve: Evolve, events: Iterable[tuple[str, dict]]) -> States:
    """Return key to state, each folded from {}; the events themselves are not changed."""
    states: States = {}
    for key, event in events:
        states[key] = evolve(states.get(key, {}), copy.deepcopy(event))
    return states
