"""Simulated customers: they pay at a steady rate, keep a ledger and retry with the same key.

They run beside this process (`workshop.load.beside`), as `python -m workshop.chaos.customers`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from workshop.base import schedule
from workshop.chaos.ledger import Attempt, Entry, Ledger, Writer, order
from workshop.load.beside import Beside, ready

if TYPE_CHECKING:
    import httpx

# Seconds after which an attempt counts as unanswered. It is longer than the time for which `payments` waits for Kafka:
# retries while the first request is still in progress would overload a slow service.
TIMEOUT = 12.0
PATIENCE = 90.0  # seconds for which a customer retries
PAUSE, LONGEST_PAUSE = 0.25, 4.0  # seconds before the second attempt, which double up to the maximum


class Customers:
    """The customers of one run, within a `with` block."""

    def __init__(self, url: str, rate: float, run: str, path: Path) -> None:
        """Args: rate: payments per second; run: a unique word for the run; path: the ledger's file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(path)
        self._words = [url, str(rate), run, str(path)]
        self._program: Beside

    def __enter__(self) -> Customers:
        self._program = Beside("workshop.chaos.customers", *self._words)
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self.wait()

    def leave(self) -> None:
        """Start no new payments."""
        self._program.leave()

    @property
    def done(self) -> bool:
        """Whether they have stopped, and every payment is completed."""
        return not self._program.runs

    def wait(self) -> None:
        """Wait until every payment is completed."""
        self._program.end(PATIENCE + 30)


async def _pay(client: httpx.AsyncClient, writer: Writer, entry: Entry) -> None:
    pauses, began = random.Random(entry.key), time.monotonic()  # noqa: S311 (jitter needs no secrecy)
    pause = PAUSE
    writer.wanted(entry)
    while True:
        attempt = await _try(client, entry)
        writer.tried(entry.payment_id, attempt)
        if attempt.status == 201 or 400 <= attempt.status < 500 or time.monotonic() > began + PATIENCE:
            return
        await asyncio.sleep(pause * pauses.uniform(0.5, 1.0))
        pause = min(2 * pause, LONGEST_PAUSE)


async def _try(client: httpx.AsyncClient, entry: Entry) -> Attempt:
    import httpx

    body = {"card": entry.card, "terminal": "terminal-00001", "amount_cents": entry.cents}
    at, began = time.time(), time.monotonic()
    try:
        response = await client.post("/payments", json=body, headers={"Idempotency-Key": entry.key})
    except httpx.HTTPError as error:
        return Attempt(at, time.monotonic() - began, 0, type(error).__name__)
    said = "" if response.status_code == 201 else response.text[:200]
    return Attempt(at, time.monotonic() - began, response.status_code, said)


async def _flow(url: str, rate: float, run: str, writer: Writer) -> None:
    import httpx
    from services.payments.orders import payment_id_of

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(base_url=url, limits=limits, timeout=TIMEOUT, trust_env=False) as client,
        asyncio.TaskGroup() as under_way,
    ):
        left = ready()
        async for number in schedule.on_time_until(left, schedule.steady(rate), time.monotonic()):
            key, card, cents = order(run, number)
            entry = Entry(payment_id_of(key, card), key, card, cents, time.time())
            under_way.create_task(_pay(client, writer, entry))


def main() -> None:
    """Usage: python -m workshop.chaos.customers URL RATE RUN LEDGER."""
    url, rate, run, path = sys.argv[1:]
    with Path(path).open("a") as file:
        asyncio.run(_flow(url, float(rate), run, Writer(file)))


if __name__ == "__main__":
    main()
