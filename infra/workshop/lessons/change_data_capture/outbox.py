"""The outbox: a table whose rows become events by Debezium's event router, from the database's log."""

from __future__ import annotations

from workshop.base.waiting import wait_until
from workshop.kafka import consume, topics
from workshop.lessons.change_data_capture.bank import SIGNALS, Bank

TABLE = "outbox"
SCHEMA = """create table if not exists outbox (
    id uuid primary key, aggregatetype text not null, aggregateid text not null,
    type text not null, payload jsonb not null)"""
SIGNAL_SCHEMA = f"""create table if not exists {SIGNALS} (
    id varchar(42) primary key, type varchar(32) not null, data varchar(2048))"""
MORE = {
    "snapshot.mode": "when_needed",
    "status.update.interval.ms": 500,
    "signal.data.collection": f"public.{SIGNALS}",
}
FOLLOWED = ("customers", "cards", TABLE)
MARK = "Mark"  # the type of an event whose arrival proves that all earlier ones have arrived


def follow(bank: Bank) -> None:
    """Let Debezium follow customers, cards and the outbox, whose rows become events, unless it does so."""
    if bank.follows(*FOLLOWED):
        return
    with bank.connect() as database:
        database.execute(SCHEMA)
        database.execute(SIGNAL_SCHEMA)
    create_topic(bank)
    # If its slot was dropped, Debezium reads the tables again; the changes in between are missing then.
    bank.follow(*FOLLOWED, **MORE, **router(topic(bank), bank.topic(TABLE)))


def create_topic(bank: Bank) -> str:
    """Create the topic of the events, unless it exists, and return its name.

    It has one partition, so that all events keep their order.
    """
    topics.create(bank.ws.kafka, [topics.Topic(topic(bank), 1, 3, topics.FOR_EVER)])
    return topic(bank)


def topic(bank: Bank) -> str:
    """Return the topic of the events."""
    return f"{bank.name}.events"


def router(events: str, table_topic: str) -> dict[str, str]:
    """Return connector settings that turn the rows of the outbox only into events of a topic.

    The key is the column `aggregateid`, the value is `payload`; `type` and `id` are headers. Pure.

    Args:
        table_topic: the topic of the table's changes without the router.
    """
    return {
        "transforms": "outbox",
        "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
        "transforms.outbox.route.topic.replacement": events,
        "transforms.outbox.table.expand.json.payload": "true",
        "transforms.outbox.table.fields.additional.placement": "type:header:type",
        "transforms.outbox.predicate": "is-outbox",
        "predicates": "is-outbox",
        "predicates.is-outbox.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
        "predicates.is-outbox.pattern": table_topic.replace(".", r"\."),
    }


def settle(bank: Bank) -> None:
    """Write a mark to the outbox and wait for it: all events committed before it have arrived then."""
    insert = "insert into outbox values (gen_random_uuid(), 'mark', 'mark', %s, '{}') returning id"
    with bank.connect() as database:
        made = database.execute(insert, [MARK]).fetchone()
        assert made is not None  # `returning` yields a row
        mark = str(made[0]).encode()

    def arrived() -> bool:
        return any(("id", mark) in record.headers for record in consume.read_all(bank.ws, topic(bank)))

    wait_until(
        arrived, 60, "the events of the outbox to arrive", every=0.2, next_step="`workshop logs connect` says more."
    )
