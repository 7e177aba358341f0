"""Checks of lesson 03."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.kafka.replicas import leader_of
from workshop.lessons.replication.experiments import Numbers, freeze_and_kill
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered

NAMES = {"copies": (1, 2, 3), "min_in_sync": (1, 2, 3), "acks": (0, 1, "all")}
SENT = 20


@exercise("03.1", "settings that survive any one broker, and still write")
def settings(ws: Connection, answer: Any) -> str:
    """Write after a leader is killed; then freeze the followers, write, and kill the leader."""
    unanswered(answer is None, observed="`settings` is None", expected=f"a dict with {', '.join(NAMES)}")
    expect(
        isinstance(answer, dict) and set(answer) == set(NAMES) and all(answer[name] in NAMES[name] for name in NAMES),
        observed=f"`settings` is {answer!r}",
        expected="; ".join(f"{name}: one of {values}" for name, values in NAMES.items()),
    )
    after = _write_with_one_dead(ws, answer)
    gone = len(freeze_and_kill(ws, answer["acks"], 1, SENT, **_wanted(answer)).lost)
    expect(
        not gone,
        observed=f"{gone} acknowledged payments are gone: only their leader had them when it died",
        expected="nothing that was acknowledged is lost",
        hint='who must have a payment before the producer hears "written"?',
    )
    return f"with one broker dead {after} of {SENT} payments were accepted, and nothing acknowledged was lost"


def _wanted(answer: dict) -> dict:
    return {"copies": answer["copies"], "min_insync_replicas": str(answer["min_in_sync"])}


def _write_with_one_dead(ws: Connection, answer: dict) -> int:
    """Return the number of payments that are accepted while the topic's former leader is dead."""
    topic = ws.fresh_topic("yours", partitions=1, **_wanted(answer))
    victim = leader_of(ws, topic)
    options = {"acks": answer["acks"], "enable_idempotence": answer["acks"] == "all"}
    with closing(Numbers(ws, topic, patience=10, **options)) as numbers, ws.brokers.restored_afterwards():
        ws.brokers.kill(victim)
        wait_until(lambda: leader_of(ws, topic) != victim, 30, "the dead leader to be noticed", every=0.1)
        expect(
            leader_of(ws, topic) > 0,
            observed=f"the partition went with broker {victim}: nobody else has a copy, and nobody can write",
            expected="another broker that takes over",
            hint="how many copies are needed, so that one may go?",
        )
        numbers.send(range(SENT))
    accepted = len(numbers.acknowledged)
    expect(
        accepted == SENT,
        observed=f"with one broker dead {accepted} of {SENT} payments were accepted: safe, and closed",
        expected=f"all {SENT}",
        hint="copies minus min_in_sync is how many may be away",
    )
    return accepted


@exercise("03.2", "each payment once, through a freeze")
def once_each(ws: Connection, topic: str, events: list[PaymentMade]) -> str:
    """Check that every payment is in the log exactly once."""
    records = consume.read_all(ws, topic)
    unanswered(not records, observed=f"`{topic}` is empty")
    times = Counter(PaymentMade.parse(record.value).payment_id for record in records)
    missing = {event.payment_id for event in events} - set(times)
    expect(
        not missing,
        observed=f"{len(missing)} of {len(events)} payments are not in the log",
        expected="all of them",
        hint="the freeze is shorter than `delivery_timeout_ms`: let the producer retry, and wait with `flush()`",
    )
    expect(
        len(records) == len(events),
        observed=f"{len(records)} records of {len(times)} payments",
        expected=f"{len(events)} records",
        hint="a program that retries without numbering what it sends writes it twice; who may retry safely?",
    )
    return f"{len(records)} records of {len(times)} payments"
