"""Helper functions of lesson 12: payments, sizes, tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from statistics import fmean
from typing import Any

from IPython.display import Markdown

from workshop.lessons.contracts.pictures import draw_sizes
from workshop.lessons.contracts.schemas import avro, changed, five_changes, json_schema, payment_message

__all__ = ["avro", "changed", "draw_sizes", "five_changes", "json_schema", "mean_bytes", "payment_message", "payments"]


def payments(count: int, seed: int = 12) -> list[dict]:
    """Return the fields of payments; the same for the same seed."""
    dice = Random(seed)  # noqa: S311  # reproducible, not secret
    return [
        {
            "card": f"card-{dice.randrange(200):04d}",
            "terminal": f"terminal-{dice.randrange(10_000):05d}",
            "amount_cents": dice.randrange(100, 20_000),
            "at": f"2018-06-{dice.randrange(1, 31):02d}T{dice.randrange(24):02d}:{dice.randrange(60):02d}:00+00:00",
            "payment_id": f"{dice.getrandbits(128):032x}",
        }
        for _ in range(count)
    ]


def as_json(payment: dict) -> bytes:
    """Return a payment as plain JSON, without a schema."""
    return json.dumps(payment).encode()


def mean_bytes(payments: Sequence[dict], encoders: Mapping[str, Callable[[dict], bytes | None]]) -> dict[str, float]:
    """Return the mean number of bytes per payment of each encoder, by its name."""
    return {name: fmean(len(encode(one) or b"") for one in payments) for name, encode in encoders.items()}


def table(rows: Mapping[str, Mapping[str, object]]) -> Markdown:
    """Return a table with one line per row; ✓ for True and ✗ for False."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    head = ["", *columns]
    lines = [[name, *(_shown(row.get(column)) for column in columns)] for name, row in rows.items()]
    texts = [head, ["---"] * len(head), *lines]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in texts))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return str(value).replace("|", "\\|").replace("\n", " ")
