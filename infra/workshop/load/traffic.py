"""Steady load on the payments service at a given rate per second, with a record of each answer.

The load runs in a separate process, `python -m workshop.load.traffic`, so that drawing pictures does not slow it down.
It ends when its standard input ends, and so with the process that started it.
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

TIMEOUT = 15.0  # seconds after which a payment counts as failed


@dataclass(frozen=True)
class Answer:
    """The result of one payment.

    Attributes:
        at: when it was sent, seconds since the load began.
        seconds: the time until the answer.
        status: the HTTP status; 0: no answer.
        pod, release: the pod that answered, and its release.
        key: its idempotency key.
        said: the error, if it failed.
    """

    at: float
    seconds: float
    status: int
    pod: str = ""
    release: str = ""
    key: str = ""
    said: str = ""

    @property
    def good(self) -> bool:
        """Whether the payment was accepted."""
        return self.status == 201


@dataclass
class Traffic:
    """Payments at a steady rate, each on a new connection by default.

    Attributes:
        url: the service's address.
        rate: payments per second.
        keep_alive: send one payment after the other on one connection while it stays open.
        count: the maximum number of payments.
    """

    url: str
    rate: float
    keep_alive: bool = False
    count: float = math.inf
    answers: list[Answer] = field(default_factory=list)
    _process: subprocess.Popen[str] = field(init=False, repr=False, compare=False)
    _reader: threading.Thread = field(init=False, repr=False, compare=False)

    def __enter__(self) -> Traffic:
        words = [self.url, str(self.rate), str(int(self.keep_alive)), str(self.count)]
        # In a separate session: Ctrl-C ends the cell, which then ends the load.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workshop.load.traffic", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # a pipe
        self._process.stdout.readline()  # it is ready
        self._reader = threading.Thread(target=self._read, name="traffic", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop new payments, and wait for those in progress."""
        assert self._process.stdin is not None  # a pipe
        self._process.stdin.close()
        self._reader.join(TIMEOUT + 10)
        self._process.kill()
        self._process.wait()

    def wait(self) -> None:
        """Wait until all payments have been made."""
        self._reader.join(30 + self.count / self.rate + (self.count if self.keep_alive else 1) * TIMEOUT)

    @property
    def failed(self) -> list[Answer]:
        """The payments that were not accepted."""
        return [answer for answer in self.answers if not answer.good]

    def sentence(self) -> str:
        """Return the number of failed payments and their reasons, the most frequent one first."""
        why = Counter(_reason(answer) for answer in self.failed)
        said = "; ".join(f"{count} × {reason}" for reason, count in why.most_common(4))
        return f"{len(self.failed)} of {len(self.answers)} payments failed" + (f": {said}" if said else "")

    def by_pod(self) -> Counter:
        """Return the number of accepted payments per pod."""
        return Counter(answer.pod for answer in self.answers if answer.good)

    def _read(self) -> None:
        assert self._process.stdout is not None  # a pipe
        for line in self._process.stdout:
            self.answers.append(Answer(**json.loads(line)))


def _reason(answer: Answer) -> str:
    """Return the reason of a failure: the start of the service's message, or the connection error."""
    try:
        said = str(json.loads(answer.said)["detail"]).split(";")[0]
    except (ValueError, LookupError, TypeError):
        said = answer.said
    return f"{answer.status} {said}" if answer.status else said


def send(url: str, count: int, rate: float = 100, *, keep_alive: bool = False) -> Traffic:
    """Send a number of payments; return when each is answered."""
    with Traffic(url, rate, keep_alive, count) as traffic:
        traffic.wait()
    return traffic


async def pay(client: httpx.AsyncClient, key: str, at: float = 0.0, cents: int = 4_200) -> Answer:
    """Make one payment with an `httpx.AsyncClient`; errors are part of the returned answer."""
    import httpx

    body = {"card": f"card-{int(key[:6], 16) % 250:04d}", "terminal": "terminal-00001", "amount_cents": cents}
    sent = time.monotonic()
    try:
        response = await client.post("/payments", json=body, headers={"Idempotency-Key": key})
    except httpx.HTTPError as error:
        return Answer(at, time.monotonic() - sent, 0, key=key, said=f"{type(error).__name__} {error}".strip())
    seconds = time.monotonic() - sent
    if response.status_code != 201:
        return Answer(at, seconds, response.status_code, key=key, said=response.text[:200])
    told = response.json()
    return Answer(at, seconds, 201, told["pod"], told["release"], key)


async def _flow(url: str, rate: float, keep_alive: bool, count: float) -> None:
    import httpx

    left = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), left.set)
    limits = httpx.Limits(max_keepalive_connections=1 if keep_alive else 0)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=TIMEOUT, trust_env=False) as client:
        print("ready", flush=True)
        under_way: set[asyncio.Task] = set()
        began = time.monotonic()
        number = 0
        while number < count and not left.is_set():
            task = asyncio.create_task(_pay_and_tell(client, began))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            if keep_alive:
                await task
            number += 1
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await asyncio.gather(*under_way)


async def _pay_and_tell(client: httpx.AsyncClient, began: float) -> None:
    answer = await pay(client, uuid.uuid4().hex, at=time.monotonic() - began)
    print(json.dumps(asdict(answer)), flush=True)


def main() -> None:
    """Usage: python -m workshop.load.traffic URL RATE KEEP_ALIVE COUNT."""
    url, rate, keep_alive, count = sys.argv[1:]
    asyncio.run(_flow(url, float(rate), keep_alive == "1", float(count)))


if __name__ == "__main__":
    main()
