"""Simulated card network: calls take time, and a replica can make a limited number at once."""

from __future__ import annotations

import asyncio


class Busy(Exception):
    """The queue is full."""


class CardNetwork:
    """The calls of one replica to the card network.

    Attributes:
        in_flight: number of calls in progress.
        queued: number of payments that wait for a slot.
    """

    def __init__(self, calls: int, seconds: float, queue: int = 1_000) -> None:
        self._slots = asyncio.Semaphore(calls)
        self._seconds, self._queue = seconds, queue
        self.in_flight = self.queued = 0

    async def authorize(self) -> None:
        """Wait for a slot, then for the network's answer.

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
