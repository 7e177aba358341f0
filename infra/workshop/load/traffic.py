"""Steady load on the payments service at a given rate per second; each answer is kept: who answered, how fast, what failed.

The load comes from a process of its own, `python -m workshop.load.traffic`, so that drawing pictures does not slow it down.
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
    """What became of one payment.

    Attributes:
        at: when it was sent, seconds since the load began.
        seconds: how long the answer took.
        status: the HTTP status, or 0 where no answer came.
        pod, release: who answered.
        key: its idempotency key.
        said: why it failed, if it did.
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
    """Payments at a steady rate, each on a new connection unless told otherwise.

    Attributes:
        url: the service's address.
        rate: payments a second.
        keep_alive: use one connection for as long as it holds: one payment after the other.
        count: how many payments at most.
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
        # In a session of its own: a Ctrl-C ends the cell, which then ends the load.
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
        """No new payments; those that are on the way are waited for."""
        assert self._process.stdin is not None  # a pipe
        self._process.stdin.close()
        self._reader.join(TIMEOUT + 10)
        self._process.kill()
        self._process.wait()

    def wait(self) -> None:
        """Until all payments were made that there are to be."""
        self._reader.join(30 + self.count / self.rate + (self.count if self.keep_alive else 1) * TIMEOUT)

    @property
    def failed(self) -> list[Answer]:
        """The payments that were not accepted."""
        return [answer for answer in self.answers if not answer.good]

    def sentence(self) -> str:
        """How many payments failed, and of what, most frequent first."""
        why = Counter(_reason(answer) for answer in self.failed)
        said = "; ".join(f"{count} × {reason}" for reason, count in why.most_common(4))
        return f"{len(self.failed)} of {len(self.answers)} payments failed" + (f": {said}" if said else "")

    def by_pod(self) -> Counter:
        """How many payments each pod accepted."""
        return Counter(answer.pod for answer in self.answers if answer.good)

    def _read(self) -> None:
        assert self._process.stdout is not None  # a pipe
        for line in self._process.stdout:
            self.answers.append(Answer(**json.loads(line)))


def _reason(answer: Answer) -> str:
    """Why a payment failed, in a few words: the first of what the service said, or how the connection ended."""
    try:
        said = str(json.loads(answer.said)["detail"]).split(";")[0]
    except (ValueError, LookupError, TypeError):
        said = answer.said
    return f"{answer.status} {said}" if answer.status else said


def send(url: str, count: int, rate: float = 100, *, keep_alive: bool = False) -> Traffic:
    """So many payments; returns when each has its answer."""
    with Traffic(url, rate, keep_alive, count) as traffic:
        traffic.wait()
    return traffic


async def pay(client: httpx.AsyncClient, key: str, at: float = 0.0, cents: int = 4_200) -> Answer:
    """One payment, by an `httpx.AsyncClient`; what goes wrong is part of the answer."""
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
