"""The service `fraud-alerts` on real brokers: after a kill, it flags the same payments as without interruption."""

from __future__ import annotations

from services.fraud_alerts import Judge, readable
from workshop.base.waiting import wait_until
from workshop.domain.payments import parse
from workshop.kafka import consume
from workshop.kafka.produce import publish
from workshop.lessons.fraud_analysis.experiments import report_of
from workshop.notebook import services, story
from workshop.notebook.connection import Connection

CARDS = (26, 112, 229)


def test_killed_in_the_middle_it_flags_what_an_uninterrupted_judge_flags(ws: Connection):
    payments, reports = ws.fresh_topic("judged", partitions=1), ws.fresh_topic("reported", partitions=1)
    alerts = ws.fresh_topic("flagged", partitions=1)
    rows = story.payments()
    rows = rows[rows["CUSTOMER_ID"].isin(CARDS)]
    made = list(story.events(rows))
    publish(ws, reports, [report_of(one) for one in made[:50:10]])
    service = services.fraud_alerts(ws, payments, reports, alerts)
    half = len(made) // 2
    try:
        for part in (made[:half], made[half:]):
            publish(ws, payments, part)
            service.start()
            expected = flagged(made[: made.index(part[-1]) + 1])
            wait_until(lambda expected=expected: expected <= written(ws, alerts), 90, "the alerts", every=0.2)
            service.kill()
    finally:
        service.stop()
    assert len(expected) > 10
    assert written(ws, alerts) == expected


def flagged(made: list) -> set[str]:
    judge = Judge()
    return {payment.payment_id for payment in made if judge.feed(readable(payment.value()))}


def written(ws: Connection, topic: str) -> set[str]:
    return {parse(record.value).payment_id for record in consume.read_all(ws, topic)}
