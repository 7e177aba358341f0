"""What the program `python -m workshop.load` sends; it writes one line of JSON per answer."""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING

from workshop.base import schedule
from workshop.load import beside
from workshop.load.payment import pay

if TYPE_CHECKING:
    import httpx

PERIOD = 2.0  # seconds between two payments of one customer


@dataclass(frozen=True)
class Stage:
    """A stage of a load: its duration in seconds and its rate in payments per second."""

    seconds: float
    rate: float

    @property
    def customers(self) -> int:
        """The number of customers who pay at this rate."""
        return max(1, round(self.rate * PERIOD))


@dataclass(frozen=True)
class Plan:
    """What is sent.

    Attributes:
        url: the service's address.
        timeout: seconds after which a payment counts as failed.
        stages: customers in stages, one after the other. A customer who waits for an answer does not pay meanwhile. If
            there is no stage, payments are sent at a steady rate.
        rate, count: payments per second, and their maximum number.
        keep_alive: send one payment after the other on one connection while it stays open.
    """

    url: str
    timeout: float
    stages: tuple[Stage, ...] = ()
    rate: float = 0.0
    count: float = math.inf
    keep_alive: bool = False

    def written(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Plan:
        """Return the plan that was written."""
        fields = json.loads(text)
        return cls(**{**fields, "stages": tuple(Stage(**stage) for stage in fields["stages"])})


class Sender:
    """Sends what a plan says, and prints each answer."""

    def __init__(self, plan: Plan, client: httpx.AsyncClient, left: asyncio.Event) -> None:
        """Args: left: set when nothing more is to be sent."""
        self._plan, self._client, self._left = plan, client, left
        self._began = time.monotonic()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send until the plan ends or nothing more is to be sent; complete what is in progress."""
        if self._plan.stages:
            await self._in_stages()
        else:
            await self._steadily()
        await asyncio.gather(*self._under_way)

    async def _in_stages(self) -> None:
        begin = 0.0
        for number, stage in enumerate(self._plan.stages):
            dues = schedule.customers(stage.customers, PERIOD, stage.seconds, Random(number))  # noqa: S311 (no secret)
            async for _ in schedule.on_time_until(self._left, (begin + due for due in dues), self._began):
                if len(self._under_way) < stage.customers:
                    self._start_one()
            begin += stage.seconds

    async def _steadily(self) -> None:
        dues = schedule.steady(self._plan.rate, self._plan.count)
        async for _ in schedule.on_time_until(self._left, dues, self._began):
            task = self._start_one()
            if self._plan.keep_alive:
                await task

    def _start_one(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self._pay_and_tell())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _pay_and_tell(self) -> None:
        answer = await pay(self._client, uuid.uuid4().hex, at=time.monotonic() - self._began)
        print(json.dumps(asdict(answer)), flush=True)


async def send(plan: Plan) -> None:
    """Send what the plan says, until it or the standard input ends."""
    import httpx

    limits = httpx.Limits(max_keepalive_connections=1 if plan.keep_alive else 0)
    async with httpx.AsyncClient(base_url=plan.url, limits=limits, timeout=plan.timeout, trust_env=False) as client:
        await Sender(plan, client, beside.ready()).run()
