"""Tells the API server a pod's status: one writer a pod, as writes that overtake one another would leave an old one."""

from __future__ import annotations

import asyncio
import logging
import time

from node_agent.api import AWAY, ApiError
from node_agent.kubelet import status
from node_agent.kubelet.owners import PodState

log = logging.getLogger(__name__)

PAUSE = 0.02  # seconds between two writes: what changes together is told together
RETRY = 0.5
LONGEST = 60.0  # seconds for which the last word is tried


class Telling:
    """The writer of one pod's status.

    Attributes:
        due: set when something has changed.
        muted: nothing more is told: its node goes, and comes back.
        told: what was written last.
    """

    def __init__(self, pod: PodState) -> None:
        self.due = asyncio.Event()
        self.muted = False
        self.told: dict = {}
        self._pod = pod
        self._path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"

    async def run(self) -> None:
        """Write whatever changes, for ever; what changes while one is on its way goes with the next."""
        while True:
            await self.due.wait()
            self.due.clear()
            await self._write()
            await asyncio.sleep(PAUSE)

    async def last(self) -> None:
        """All has ended: tell the last status, then let the API server forget the pod."""
        until = time.monotonic() + LONGEST
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": self._pod.uid},
        }
        while time.monotonic() < until:
            try:
                if await self._write():
                    await self._pod.api.delete(self._path, options)
                return
            except ApiError as error:
                if error.status in (404, 409):
                    return
            except AWAY:
                pass
            await asyncio.sleep(RETRY)

    async def _write(self) -> bool:
        """Write the status if it is another one than was written last; returns whether the pod is still known."""
        fresh = status.of_pod(self._pod)
        if fresh == self.told or self.muted:
            return True
        try:
            await self._pod.api.patch(f"{self._path}/status", {"metadata": {"uid": self._pod.uid}, "status": fresh})
            self.told = fresh
        except ApiError as error:
            if error.status in (404, 409):
                return error.status != 404
            log.warning("The status of %s was refused: %s", self._pod.full_name, error)
            await self._later()
        except AWAY:
            await self._later()
        return True

    async def _later(self) -> None:
        await asyncio.sleep(RETRY)
        self.due.set()
