"""One payment to the payments service, and what became of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


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
