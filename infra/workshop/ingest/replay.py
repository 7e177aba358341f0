"""Replay of a topic of payments, from its beginning to its current end, into the canonical table.

The consumer is confluent-kafka's: for 1.75 million events (140 bytes each, gzip) it delivers 177,000 to 221,000 per second
with three settings, kafka-python with crc32c 67,000 to 76,000, on the same two busy cores. Values are parsed in batches of
thousands; a batch that does not parse is halved, and the events of a small one are parsed one by one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as Place
from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.domain.amounts import MOST_CENTS
from workshop.domain.fraud.transactions import table as canonical
from workshop.domain.payments import MalformedEvent, PaymentMade, PaymentRefunded
from workshop.ingest.dates import EPOCH
from workshop.kafka.consume import PATIENCE, partitions_of
from workshop.kafka.handle import Kafka
from workshop.kafka.name_prefix import full
from workshop.kafka.transactions import committed_ends

BATCH = 10_000  # events
KINDS = {kind.__name__: (kind, sign) for kind, sign in ((PaymentMade, 1), (PaymentRefunded, -1))}
EVENT = pa.schema(
    [(name, pa.string()) for name in ("type", "card", "terminal", "at", "payment_id")] + [("amount_cents", pa.int64())]
)
ROW = pa.schema(
    [(name, pa.string()) for name in ("customer", "terminal", "payment_id")]
    + [(name, pa.int64()) for name in ("at", "cents", "partition", "offset")]
)


@dataclass(frozen=True)
class Malformed:
    """An event that is not a payment: its position, and the reason."""

    partition: int
    offset: int
    reason: str


@dataclass
class Batch:
    """Events as they were read, in lists of equal length; a value is None for a record without one."""

    values: list[bytes | None]
    partitions: list[int]
    offsets: list[int]

    def half(self, part: slice) -> Batch:
        return Batch(self.values[part], self.partitions[part], self.offsets[part])


def replay(
    ws: Kafka, topic: str, progress: Callable[[float], None] | None = None
) -> tuple[pd.DataFrame, list[Malformed]]:
    """Return all committed payments of a topic up to now, and the malformed events.

    Args:
        progress: called with the share that is done, from 0 to 1.

    Returns:
        The canonical table (`workshop.domain.fraud.transactions`): refunds have negative cents, payments of the same time are
        in the order of partition and offset; and the malformed events, in that order too.

    Raises:
        WorkshopError: the topic does not exist, or its brokers stopped answering.
    """
    tell = progress or (lambda share: None)
    parts: list[pa.Table] = [ROW.empty_table()]
    malformed: list[Malformed] = []
    try:
        for batch, share in batches(ws, topic):
            parts += _rows(batch, malformed)
            tell(share)
    except KafkaException as error:
        raise WorkshopError(
            f"Reading topic '{topic}' stopped: {error.args[0].str()}.", "`workshop status` shows what runs."
        ) from None
    tell(1.0)
    return _table(pa.concat_tables(parts)), sorted(malformed, key=lambda event: (event.partition, event.offset))


def batches(ws: Kafka, topic: str) -> Iterator[tuple[Batch, float]]:
    """Yield the events of a topic in batches as they arrive, each with the share read so far."""
    begins, ends = _bounds(ws, topic)
    places = {number: begins[number] for number in ends if begins[number] < ends[number]}
    total = sum(ends[number] - begins[number] for number in places)
    # The consumer requires a group; it commits no offset.
    with closing(Consumer({**ws.confluent(), **READER, "group.id": full("replay")})) as consumer:
        consumer.assign([Place(full(topic), number, begin) for number, begin in places.items()])
        deadline = time.monotonic() + PATIENCE
        while any(places[number] < ends[number] for number in places):
            if messages := consumer.consume(BATCH, timeout=0.5):
                deadline = time.monotonic() + PATIENCE
                yield (
                    _sorted_out(messages, places, ends),
                    sum(min(at, ends[number]) - begins[number] for number, at in places.items()) / total,
                )
            elif time.monotonic() > deadline:
                happened = f"Reading topic '{topic}' stopped: no new record arrived for {PATIENCE:g} s."
                raise WorkshopError(happened, "`workshop status` shows what runs.")


READER = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "enable.partition.eof": True,  # an aborted transaction, which is never delivered, may end a partition
    "queued.max.messages.kbytes": 1 << 18,
    "fetch.queue.backoff.ms": 10,
    "reconnect.backoff.max.ms": 200,
    "log_level": 0,
}


def _bounds(ws: Kafka, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """Return by partition the first offset and the end of the committed transactions."""
    places = [TopicPartition(topic, number) for number in partitions_of(ws, topic)]
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        begins = consumer.beginning_offsets(places)
    ends = committed_ends(ws.kafka, places)
    return {p.partition: begins[p] for p in places}, {p.partition: ends[p] for p in places}


def _sorted_out(messages: list, places: dict[int, int], ends: dict[int, int]) -> Batch:
    """Return the events before the end offsets, and record the position of each partition in `places`."""
    batch = Batch([], [], [])
    for message in messages:
        error, partition, offset = message.error(), message.partition(), message.offset()
        if error is None:
            if offset < ends[partition]:
                batch.values.append(message.value())
                batch.partitions.append(partition)
                batch.offsets.append(offset)
            places[partition] = offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            places[partition] = max(places[partition], offset)
        elif not error.retriable():
            raise KafkaException(error)
    return batch


def _rows(batch: Batch, malformed: list[Malformed]) -> list[pa.Table]:
    """Return the batch's payments, and add its malformed events to `malformed`."""
    if not batch.values:
        return []
    found = _bulk(batch)
    if found is not None:
        return [found]
    if len(batch.values) > 64:
        middle = len(batch.values) // 2
        return [row for part in (slice(middle), slice(middle, None)) for row in _rows(batch.half(part), malformed)]
    rows = []
    for value, partition, offset in zip(batch.values, batch.partitions, batch.offsets, strict=True):
        try:
            rows.append({**_one(value), "partition": partition, "offset": offset})
        except MalformedEvent as reason:
            malformed.append(Malformed(partition, offset, str(reason)))
    return [pa.Table.from_pylist(rows, ROW)]


def _bulk(batch: Batch) -> pa.Table | None:
    """Return the payments of a batch, parsed in bulk, or None if an event needs to be parsed alone."""
    if not all(value and value[:1] == b"{" for value in batch.values):
        return None
    joined = b"\n".join(cast("list[bytes]", batch.values))
    if joined.count(b"\n") != len(batch.values) - 1:
        return None
    try:
        joined.isascii() or joined.decode()
        options = pa.json.ParseOptions(explicit_schema=EVENT, unexpected_field_behavior="error")
        events = pa.json.read_json(pa.BufferReader(joined), parse_options=options)
        at = pc.cast(pc.cast(events["at"], pa.timestamp("us", "UTC")), pa.int64())
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    signs = pc.index_in(events["type"], pa.array(list(KINDS)))
    needed = (signs, events["card"], at, events["payment_id"], events["amount_cents"])
    if len(events) != len(batch.values) or any(column.null_count for column in needed):
        return None
    least, most = pc.min_max(events["amount_cents"]).values()
    if least.as_py() < 0 or most.as_py() > MOST_CENTS:
        return None
    cents = pc.multiply(events["amount_cents"], pc.take(pa.array([sign for _, sign in KINDS.values()]), signs))
    places = (pa.array(batch.partitions, pa.int64()), pa.array(batch.offsets, pa.int64()))
    ms = pa.array(at.to_numpy() // 1000)
    return pa.table([events["card"], events["terminal"], events["payment_id"], ms, cents, *places], schema=ROW)


def _one(value: bytes | None) -> dict:
    """Return one event as a row.

    Raises:
        MalformedEvent: the event is not a payment.
    """
    try:
        fields = json.loads(value or b"")
    except ValueError:
        raise MalformedEvent("it is not JSON") from None
    name = fields.get("type") if isinstance(fields, dict) else None
    kind, sign = KINDS.get(name, (None, 0)) if isinstance(name, str) else (None, 0)
    if kind is None:
        raise MalformedEvent("it is neither a PaymentMade nor a PaymentRefunded")
    event = kind.parse(value)
    _check_names(event, fields)
    at = event.at if event.at.tzinfo else event.at.replace(tzinfo=UTC)
    ms = (at - EPOCH) // timedelta(milliseconds=1)
    cents = sign * event.amount_cents
    return {
        "customer": event.card,
        "terminal": event.terminal,
        "payment_id": event.payment_id,
        "at": ms,
        "cents": cents,
    }


def _check_names(event: PaymentMade | PaymentRefunded, fields: dict) -> None:
    """Check the fields that `parse` does not check.

    Names must be valid text, the payment id must be present, and the amount must be in range.

    Raises:
        MalformedEvent: a name or the amount is invalid.
    """
    for name in ("card", "terminal", "payment_id"):
        text = fields.get(name)
        if not (_is_text(text) or (text is None and name == "terminal")):
            raise MalformedEvent(f"{name} is {text!r}, not text")
    if event.amount_cents > MOST_CENTS:
        raise MalformedEvent(f"amount_cents is {event.amount_cents}, more than can be added up")


def _is_text(value: object) -> bool:
    """Return whether a value is valid text; a lone surrogate such as "\\ud800" is valid JSON, but not text."""
    return isinstance(value, str) and value == value.encode(errors="ignore").decode()


def _table(rows: pa.Table) -> pd.DataFrame:
    order = np.lexsort((rows["offset"].to_numpy(), rows["partition"].to_numpy()))
    rows = rows.take(pa.array(order))
    return canonical(
        _categories(rows["customer"]),
        _categories(rows["terminal"]),
        rows["at"].to_numpy().astype("datetime64[ms]"),
        rows["cents"].to_numpy(),
        rows["payment_id"].to_numpy(),
    )


def _categories(column: pa.ChunkedArray) -> pd.Categorical:
    """Return text as categories, shorter names first, so that numbers are in numeric order."""
    coded = column.combine_chunks().dictionary_encode()
    codes, names = pc.fill_null(coded.indices, -1).to_numpy(), coded.dictionary.to_pylist()
    return pd.Categorical.from_codes(codes, names).reorder_categories(sorted(names, key=lambda name: (len(name), name)))
