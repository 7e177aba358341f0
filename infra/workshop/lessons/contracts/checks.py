"""Checks of lesson 12: they ask the registry, and read the topics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from workshop.base.errors import WorkshopError
from workshop.lessons.contracts import experiments as lesson
from workshop.lessons.contracts import parcels
from workshop.lessons.contracts.clients import client
from workshop.lessons.contracts.compatibility import MODES, broken_modes
from workshop.lessons.contracts.servers import Server
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

TAKE = "a function: take(record, deserialize, accept, set_aside)"
NOT_FOUND = 404


@exercise("12.1", "a schema that old and new consumers can read")
def evolved(server: Server, topic: str) -> str:
    """The newest version has a currency, and each of the two versions reads what the other one wrote."""
    server.start()  # the learner may have stopped it, as section 7 does
    registry, subject = client(server.url), f"{topic}-value"
    versions = _versions(registry, subject)
    level = _level(registry, subject)
    expect(
        level in ("FULL", "FULL_TRANSITIVE"),
        observed=f"the compatibility level of {subject} is {level}",
        expected="FULL, as the set-up cell has set it",
        hint="whoever switches the check off breaks the consumers of others: set the level again, or run the set-up cell",
    )
    expect(
        len(versions) > 1 or topic not in registry.get_subjects(),
        observed=f"there is a schema under the subject {topic}, and one version of {subject}",
        expected=f"a second version of {subject}",
        hint="the name of a topic with `-value` is the subject of its values",
    )
    unanswered(
        len(versions) == 1,
        observed=f"{subject} has one version, the one of the set-up cell",
        expected="a second version, registered under this subject",
    )
    first, last = (_text(registry, subject, number) for number in (versions[0], versions[-1]))
    _judge_currency(json.loads(last))
    old, new = _through_kafka(server, first, last)
    expect(
        set(old) >= set(lesson.payments(1)[0]),
        observed=f"the old consumer reads {sorted(old)} of a new payment",
        expected="all fields that it has always read",
        hint="add the field; leave the others as they are",
    )
    expect(
        new.get("currency") == "EUR",
        observed=f"the new consumer reads an old payment with the currency {new.get('currency')!r}",
        expected="'EUR'",
        hint="the default of the field",
    )
    return (
        f"{subject} has {len(versions)} versions: the old consumer reads a new payment, and the new consumer reads an old "
        "one in EUR"
    )


def _versions(registry: SchemaRegistryClient, subject: str) -> list[int]:
    try:
        return sorted(registry.get_versions(subject))
    except SchemaRegistryError as error:
        if error.http_status_code != NOT_FOUND:
            raise
        raise WorkshopError(
            f"The subject {subject} does not exist.", "Run the set-up cell of this exercise and your answer again."
        ) from error


def _text(registry: SchemaRegistryClient, subject: str, version: int) -> str:
    return str(registry.get_version(subject, version).schema.schema_str)


def _level(registry: SchemaRegistryClient, subject: str) -> str:
    try:
        return str(registry.get_compatibility(subject))
    except SchemaRegistryError:
        return "not set"


def _judge_currency(schema: Mapping) -> None:
    fields = {field["name"]: field for field in schema.get("fields", [])}
    expect(
        "currency" in fields,
        observed=f"the newest version has the fields {', '.join(fields)}",
        expected="a field `currency` too",
    )
    kind = fields["currency"]["type"]
    kind = kind.get("type") if isinstance(kind, dict) else kind
    expect(
        kind == "string",
        observed=f"the type of `currency` is {json.dumps(kind)}",
        expected='"string"',
        hint="a payment always has a currency, so neither null nor bytes",
    )


def _through_kafka(server: Server, first: str, last: str) -> tuple[dict, dict]:
    """Return a new payment as the old consumer reads it from a topic, and an old one as the new consumer reads it."""
    registry = client(server.url)
    topic = server.ws.fresh_topic("check-evolved", partitions=1)
    place = SerializationContext(topic, MessageField.VALUE)
    registry.set_compatibility(f"{topic}-value", "NONE")
    payment = lesson.payments(1)[0]
    values = [
        AvroSerializer(registry, first)(payment, place),
        AvroSerializer(registry, last)({**payment, "currency": "CHF"}, place),
    ]
    parcels.send(server.ws, topic, values)
    old_value, new_value = (record.value for record in parcels.read(server.ws, topic))
    old, new = AvroDeserializer(registry, first), AvroDeserializer(registry, last)
    return dict(_read(old, new_value, place, "old", "a new")), dict(_read(new, old_value, place, "new", "an old"))


def _read(deserialize: AvroDeserializer, value: bytes, place: SerializationContext, who: str, what: str) -> Any:
    try:
        return deserialize(value, place)
    except Exception as error:  # fastavro's errors have no common class
        expect(
            False,
            observed=f"the {who} consumer cannot read {what} payment: {error}",
            expected="both consumers read both",
            hint="a field that one side lacks needs a default",
        )


@exercise("12.2", "which change breaks which mode")
def broken(server: Server, changes: Mapping[str, str], answer: Any) -> str:
    """Compare the answer with the registry's own verdict about each change in each mode."""
    form = "a dict: the name of each change to a set of modes, such as {'BACKWARD', 'FULL'}"
    unanswered(answer is None, observed="`breaks` is None", expected=form)
    expect(isinstance(answer, Mapping), observed=f"`breaks` is a {type(answer).__name__}", expected=form)
    missing = [name for name in changes if name not in answer]
    expect(
        not missing,
        observed=f"`breaks` has no entry for {', '.join(map(repr, missing))}",
        expected="an entry for each of the five changes; an empty set if it breaks none",
    )
    given = {name: _modes(name, answer[name]) for name in changes}
    server.start()
    truth = {name: broken_modes(server.url, lesson.avro(), schema) for name, schema in changes.items()}
    wrong = [name for name in changes if given[name] != truth[name]]
    expect(
        not wrong,
        observed=f"{len(wrong)} of {len(changes)} differ from the registry's verdict, the first one is "
        f"{wrong[0] if wrong else ''!r}",
        expected=f"for this one {len(truth[wrong[0]])} modes that refuse it" if wrong else "",
        hint=_hint(given[wrong[0]], truth[wrong[0]]) if wrong else "",
    )
    return "the registry agrees: " + "; ".join(f"{name}: {_listed(modes)}" for name, modes in truth.items())


def _modes(name: str, given: Any) -> set[str]:
    given = [given] if isinstance(given, str) else given
    expect(
        isinstance(given, Iterable) and all(isinstance(one, str) and one.upper() in MODES for one in given),
        observed=f"the entry for {name!r} is {given!r}",
        expected=f"a set with names of {', '.join(MODES)}",
    )
    return {one.upper() for one in given}


def _hint(given: set[str], truth: set[str]) -> str:
    if ("BACKWARD" in truth or "FORWARD" in truth) and "FULL" not in given:
        return "FULL asks for both directions: it refuses whatever BACKWARD or FORWARD refuses"
    if {"BACKWARD", "FORWARD"} & given != {"BACKWARD", "FORWARD"} & truth:
        return "BACKWARD: the new schema reads old data. FORWARD: the old schema reads new data. Who lacks something?"
    return "`registry.test_compatibility` answers for the current level of a subject"


def _listed(modes: set[str]) -> str:
    return " and ".join(sorted(modes)) or "none"


@exercise("12.3", "a consumer that sets aside what breaks the contract")
def contract_kept(server: Server, answer: Any) -> str:
    """Let the answer take every record of a topic, with an outage of the registry; compare two topics."""
    unanswered(answer is None, observed="`take` is None", expected=TAKE)
    expect(callable(answer), observed=f"`take` is {answer!r}", expected=TAKE)
    server.start()
    trial = parcels.trial(server)
    _judge_outage(trial, answer)
    for record in trial.records:
        _call(answer, record, trial.deserialize, trial.accept, trial.set_aside, what=trial.kind_of(record))
    accepted, aside = trial.accepted(), trial.aside()
    _judge_accepted(trial, accepted, aside)
    _judge_aside(trial, aside)
    _judge_broker(trial, answer)
    return (
        f"{len(accepted)} payments were accepted once each; {len(aside)} records that break the contract are in the "
        "dead-letter topic with their reasons, and an outage set nothing aside"
    )


def _call(answer: Callable, *arguments: Any, what: str) -> None:
    try:
        answer(*arguments)
    except Exception as error:
        expect(
            False,
            observed=f"`take` raised {type(error).__name__} at {what}: {str(error)[:120]}",
            expected="the record is set aside, and the next one is taken",
            hint="one record that nobody can read must not stop the others",
        )


def _judge_outage(trial: parcels.Trial, answer: Callable) -> None:
    """A registry that does not answer is no fault of the record."""
    raised = False
    try:
        answer(trial.records[0], trial.deserialize_in_an_outage, trial.accept, trial.set_aside)
    except TypeError as error:
        expect(False, observed=f"`take` raised TypeError: {error}", expected=TAKE)
    except Exception:
        raised = True
    expect(
        not trial.aside(),
        observed="the registry did not answer for a moment, and a good payment was set aside",
        expected="the error is raised, so that the consumer tries the record again later",
        hint="an error of the connection says nothing about the record: set aside only what is wrong with the record",
    )
    expect(
        raised,
        observed="the registry did not answer, and `take` ended as if all were well",
        expected="the error is raised; otherwise the consumer commits the record, and it is lost",
        hint="catch only the errors that say something about the record",
    )


def _judge_broker(trial: parcels.Trial, answer: Callable) -> None:
    """An error of `accept` is no fault of the record either."""
    asides: list[str] = []

    def fails(payment: dict) -> None:
        raise ConnectionError("no broker answers")

    try:
        answer(trial.records[0], trial.deserialize, fails, lambda record, reason: asides.append(reason))
    except ConnectionError:
        pass
    except Exception:
        asides.append("another error")
    expect(
        not asides,
        observed="`accept` failed because no broker answered, and a good payment was set aside",
        expected="the error is raised",
        hint="`accept` belongs behind the `try`, in its `else`",
    )


def _judge_accepted(trial: parcels.Trial, accepted: list[dict], aside: list[parcels.Aside]) -> None:
    good = trial.good_ids
    ids = [payment.get("payment_id") for payment in accepted]
    expect(
        set(ids) >= good or not aside,
        observed=f"{len(good - set(ids))} of {len(good)} good payments were not accepted",
        expected="all of them",
        hint=f"were records set aside that were fine? The first reason: {aside[0].reason[:120]}" if aside else "",
    )
    expect(
        set(ids) >= good,
        observed=f"{len(good & set(ids))} of {len(good)} good payments were accepted",
        expected="all of them",
        hint="`accept(deserialize(record.value))`",
    )
    expect(
        len(ids) == len(set(ids)),
        observed=f"{len(ids)} payments were accepted, with {len(set(ids))} different ids",
        expected="each payment once",
    )
    expect(
        set(ids) == good,
        observed=f"{len(set(ids) - good)} records were accepted that break the contract",
        expected="the good ones only",
        hint="accept only what `deserialize` returns",
    )


def _judge_aside(trial: parcels.Trial, aside: list[parcels.Aside]) -> None:
    bad = trial.bad
    there = [one.value for one in aside]
    lost = [kind for kind, value in bad.items() if value not in there]
    expect(
        not lost,
        observed=f"not in the dead-letter topic: {', '.join(lost)}",
        expected="every record that breaks the contract, with its bytes unchanged",
        hint="`set_aside(record, reason)`; skipping a record loses it",
    )
    expect(
        len(there) == len(bad),
        observed=f"{len(there)} dead letters for {len(bad)} bad records",
        expected="one each",
    )
    without = [one for one in aside if not one.reason.strip() or one.reason == "None"]
    expect(
        not without,
        observed=f"{len(without)} dead letters have no reason",
        expected="a text that helps the person who looks at them",
        hint="`set_aside(record, str(error))`",
    )


questions = quick_questions(
    "12",
    Question(
        "b",
        a="A broker stores bytes. It knows neither schemas nor the registry; it accepts this record.",
        b="The serializer compares the payment with the schema before there is any record.",
        c="That is too late: the record is in the topic, and it stops every consumer that has no plan for it.",
    ),
    Question(
        "a",
        a="BACKWARD promises that the new schema reads old data. So consumers change first, and then read old and new data.",
        b="A producer that changes first writes data that old consumers may be unable to read. That order needs FORWARD.",
        c="Any order is safe with FULL only.",
    ),
    Question(
        "c",
        a="It goes on: the serializer remembers the ids of the schemas that it has used.",
        b="Nothing that was acknowledged is lost: the records are in Kafka, and the schemas in a topic of Kafka.",
        c="A program without a remembered id must ask the registry, and cannot start its work.",
    ),
)
