"""The card network, simulated: it takes its time, and one replica may ask it only so many things at once; the rest queue."""

from __future__ import annotations

import asyncio


class Busy(Exception):
    """So many wait already that another would wait too long."""


class CardNetwork:
    """The calls of one replica.

    Attributes:
        in_flight: calls that are being made.
        queued: payments that wait for their turn.
    """

    def __init__(self, calls: int, seconds: float, queue: int = 1_000) -> None:
        self._slots = asyncio.Semaphore(calls)
        self._seconds, self._queue = seconds, queue
        self.in_flight = self.queued = 0

    async def authorize(self) -> None:
        """Wait for a turn, then for the network's answer.

        Raises:
            Busy: the queue is full.
        """
        if self.queued >= self._queue:
            raise Busy(f"{self.queued} payments wait already.")
        self.queued += 1
        try:
            await self._slots.acquire()
        finally:
            self.queued -= 1
        self.in_flight += 1
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.in_flight -= 1
            self._slots.release()
