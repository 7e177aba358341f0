"""The judgement of exercise 10.3: the form of a design, and what a run of its events produces."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from workshop.lessons.healthcare_and_retail import commands
from workshop.lessons.healthcare_and_retail.designs import Delivered, Published, as_stored, fold, once
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import expect

LEAST_EVENTS = 5
EXAMPLE = {"BicycleTaken", "BicycleReturned", "ReturnCorrected"}  # the types of the example in the hint
PARTS = {
    "events": "a list of dicts",
    "key": "the name of a field",
    "personal": "a list of fields",
    "evolve": "a function",
}
FORM = "a dict: " + ", ".join(f"{name} ({what})" for name, what in PARTS.items())
PERSONAL_FIELDS = re.compile(
    r"(.*[_ ])?(name|email|e_mail|mail|phone|telephone|address|birthday|birthdate|surname|nom|prenom|courriel)"
)
PERSONS = re.compile(
    r"author|borrower|buyer|caller|child|citizen|client|customer|donor|driver|employee|guest|member|owner|passenger"
    r"|patient|person|player|pupil|reader|rider|seller|student|teacher|tenant|user|visitor|voter"
)
PSEUDONYM = "the key stays in clear as long as the record: use a thing (a copy, a room), or a random pseudonym"


def expect_form(design: Any) -> None:
    """Check that the parts of a design are there, and that its events can be published."""
    expect(isinstance(design, Mapping), observed=f"`design` is a {type(design).__name__}", expected=FORM)
    kinds = {"events": list | tuple, "key": str, "personal": list | tuple | set | frozenset}
    for name, what in PARTS.items():
        found = design.get(name)
        right = callable(found) if name == "evolve" else isinstance(found, kinds[name])
        expect(right, observed=f"design[{name!r}] is {_short(found)}", expected=what)
    events = design["events"]
    for number, event in enumerate(events, 1):
        whole = isinstance(event, Mapping) and all(isinstance(event.get(name), str) for name in ("type", "id"))
        expect(
            whole and event["type"].strip() and event["id"],
            observed=f"event {number} is {_short(event)}",
            expected='a dict with "type" and "id", both text, and the fields of your field of life',
        )
    expect(
        len(events) >= LEAST_EVENTS, observed=f"{len(events)} events", expected=f"at least {LEAST_EVENTS}, oldest first"
    )
    twice = [name for name, count in Counter(event["id"] for event in events).items() if count > 1]
    expect(
        not twice,
        observed=f"{len(twice)} ids are used twice, such as {twice[:1]}",
        expected="an id of its own for each event",
        hint="by its id a reader recognises an event that it has already handled",
    )
    _expect_facts([event["type"] for event in events])


def _expect_facts(types: list[str]) -> None:
    asking = next((name for name in types if commands.asks(name)), "")
    expect(
        not asking,
        observed=f"`{asking}` asks for something; it can still be refused",
        expected="what has happened, in the past tense",
        hint="lesson 01: `DebitCard` is a command, `CardDebited` is an event",
    )
    copied = sorted(set(types) & EXAMPLE)
    expect(
        len(copied) < 2,
        observed=f"{' and '.join(copied)} are events of the example",
        expected="a field of life that you know",
    )


def expect_key(events: Sequence[Mapping], key: str, personal: set[str]) -> None:
    """Check that a key keeps related events together, separates others, and identifies nobody."""
    without = next((event["type"] for event in events if event.get(key) in (None, "")), "")
    expect(
        not without,
        observed=f"`{without}` has no field `{key}`",
        expected="the key in every event: it decides the partition, and so what stays in order",
    )
    keys = Counter(str(event[key]) for event in events)
    expect(
        len(keys) > 1,
        observed=f"all {len(events)} events have the key {next(iter(keys))!r}: one partition has all the work",
        expected="events of at least two keys",
        hint="the key names the thing whose events must stay in order: choose examples of two such things",
    )
    expect(
        max(keys.values()) > 1,
        observed=f"{len(events)} events with {len(keys)} different keys: no two events stay in order",
        expected="at least one key with several events",
        hint="an id of the event is no key: what must stay together?",
    )
    expect(
        key not in personal, observed=f"the key `{key}` is personal", expected="a key that names nobody", hint=PSEUDONYM
    )
    names = [value for value in keys if not re.search(r"\d", value)] if PERSONS.fullmatch(key.lower()) else []
    mails = [value for value in keys if "@" in value]
    expect(
        not (names or mails or PERSONAL_FIELDS.fullmatch(key.lower())),
        observed=f"the keys are {', '.join(map(repr, list(keys)[:3]))}: they name people",
        expected="a key that names nobody",
        hint=PSEUDONYM,
    )


def run(ws: Connection, design: Mapping) -> str:
    """Publish the events of a design, read them in several ways, and return what was seen."""
    events, key, evolve = [dict(event) for event in design["events"]], design["key"], design["evolve"]
    personal = set(map(str, design["personal"]))
    fields = {name for event in events for name in event}
    expect(
        personal and personal <= fields,
        observed=f"`personal` has {sorted(personal - fields) or 'no field'}"
        + (", which no event has" * bool(personal)),
        expected="fields of your events that must be forgettable",
        hint="choose a field of life in which people occur; what of them is in your events?",
    )
    expect(
        not personal & {"id", "type", "corrects"},
        observed=f"`personal` has {sorted(personal & {'id', 'type', 'corrects'})}",
        expected="fields about people",
        hint="a reader needs type, id and corrects to handle the event at all",
    )
    expect_key(events, key, personal)
    right = _folded(evolve, once(events, key), "your events, each once")
    _expect_correction(evolve, events, key, right)
    published = Published(ws, events, key, personal)
    delivered = published.read()
    _expect_idempotent(evolve, delivered, right)
    return _without_the_people(evolve, published, delivered, events, personal, right)


def _expect_correction(evolve: Any, events: Sequence[Mapping], key: str, right: dict) -> None:
    at = {event["id"]: number for number, event in enumerate(events)}
    fixes = [event for event in events if event.get("corrects") is not None]
    expect(
        fixes,
        observed="no event has a field `corrects`",
        expected="an event that corrects an earlier one, whose id is in `corrects`",
        hint="people mistype in every field of life, and nothing is overwritten",
    )
    for fix in fixes:
        place = at.get(fix["corrects"], len(events))
        expect(
            place < at[fix["id"]],
            observed=f"`{fix['type']}` corrects {fix['corrects']!r}, which is no earlier event",
            expected="the id of an earlier event",
        )
        expect(
            str(events[place][key]) == str(fix[key]),
            observed=f"`{fix['type']}` has the key {fix[key]!r}, and the event that it corrects {events[place][key]!r}",
            expected="the same key: only within a partition does the correction come after the event",
        )
        expect(
            _folded(evolve, once(events, key, without=fix["id"]), "your events without a correction") != right,
            observed=f"without `{fix['type']}` ({fix['id']}) the states are the same",
            expected="a correction that corrects the state",
            hint=f"`evolve` must handle the type `{fix['type']}`",
        )


def _expect_idempotent(evolve: Any, delivered: list[Delivered], right: dict) -> None:
    pairs = [(one.key, one.event) for one in delivered]
    found = _folded(evolve, pairs, "your events, each delivered three times")
    again = _folded(evolve, pairs, "a replay")
    expect(
        found == again,
        observed=f"two replays of the same records differ: {_difference(found, again)}",
        expected="the same states each time",
        hint="no clock, no random number, no memory outside `state`",
    )
    expect(
        found == right,
        observed=f"each event came three times, twice in a row and once more at the end: {_difference(found, right)}",
        expected="the same states as with each event once",
        hint='keep the ids that were handled in the state: `if event["id"] in state.get("seen", []): return state`',
    )


def _without_the_people(
    evolve: Any, published: Published, delivered: list[Delivered], events: list[dict], personal: set[str], right: dict
) -> str:
    values = {
        str(event[name]): name
        for event in events
        for name in personal & set(event)
        if isinstance(event[name], str) and len(event[name]) > 1
    }
    plain = b"\n".join(one.raw for one in delivered).decode()
    open_ = next((value for value in values if _occurs(value, plain)), "")
    expect(
        not open_,
        observed=f"{open_!r} ({values.get(open_)}) stands unencrypted in the log",
        expected="personal values in the fields of `personal` only",
        hint="look at the other fields, and at the key",
    )
    people = published.forget_everybody()
    left = published.read()
    after = _folded(
        evolve,
        [(one.key, one.event) for one in left],
        "the events after the people were forgotten (their fields are None)",
    )
    expect(
        set(after) == set(right),
        observed=f"after the people were forgotten there are {len(after)} states instead of {len(right)}",
        expected="the same things, without the people",
    )
    partitions = len({one.partition for one in delivered})
    keys = sorted({one.key for one in delivered})
    persons = "person was" if people == 1 else "people were"
    return (
        f"{len(delivered)} records of {len(events)} events in {partitions} of 3 partitions fold to {len(right)} states, also "
        f"with duplicates; without its correction the state is another one; {people} {persons} "
        f"forgotten, and every event is still there. Readable for ever: the keys {', '.join(keys[:3])}"
        + (" …" if len(keys) > 3 else "")
    )


def _folded(evolve: Any, pairs: Any, of: str) -> dict:
    pairs = list(pairs)
    try:
        states = fold(evolve, pairs)
    except Exception as error:  # an answer can raise anything
        states, trouble = {}, f"{type(error).__name__}: {error}"
    else:
        trouble = ""
    expect(not trouble, observed=f"with {of}, `evolve` raised {trouble}", expected="a state for each key")
    none = next((key for key, state in states.items() if state is None), None)
    expect(
        none is None,
        observed=f"with {of}, `evolve` returned None for {none!r}",
        expected="the next state",
        hint="each way through the function needs a `return`",
    )
    return states


def _difference(found: dict, right: dict) -> str:
    key = next((key for key in {**found, **right} if found.get(key) != right.get(key)), None)
    return "" if key is None else f"{key!r} is {_short(found.get(key))} instead of {_short(right.get(key))}"


def _occurs(value: str, text: str) -> bool:
    stored = json.dumps(value, ensure_ascii=False)[1:-1]
    return bool(re.search(rf"(?<!\w){re.escape(stored)}(?!\w)", text))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


__all__ = ["as_stored", "expect_form", "expect_key", "run"]
