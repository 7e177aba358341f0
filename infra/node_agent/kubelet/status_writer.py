"""Writer of a pod's status to the API server: one per pod, because concurrent writes could leave an old status."""

from __future__ import annotations

import asyncio
import logging
import time

from node_agent.api import AWAY, ApiError
from node_agent.kubelet import status
from node_agent.kubelet.owners import PodState

log = logging.getLogger(__name__)

PAUSE = 0.02  # seconds between two writes, so that changes at the same time are written together
RETRY = 0.5
LONGEST = 60.0  # seconds for which the last write is retried


class Telling:
    """The writer of one pod's status.

    Attributes:
        due: set when the status has changed.
        muted: nothing is written any more, because the node stops and will restart the pod.
        told: the status that was written last.
    """

    def __init__(self, pod: PodState) -> None:
        self.due = asyncio.Event()
        self.muted = False
        self.told: dict = {}
        self._pod = pod
        self._path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"

    async def run(self) -> None:
        """Write changes without end; a change during a write is part of the next one."""
        while True:
            await self.due.wait()
            self.due.clear()
            await self._write()
            await asyncio.sleep(PAUSE)

    async def last(self) -> None:
        """Write the last status of a terminated pod, then delete the pod from the API server."""
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
        """Write the status if it has changed; return whether the API server still has the pod."""
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
