"""Kubernetes events, as a kubelet writes them and `kubectl describe` lists them; equal events are counted, not repeated."""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import UTC, datetime

from node_agent.api import AWAY, Api, ApiError

log = logging.getLogger(__name__)
MOST_KEPT = 500  # distinct events that are counted, per node


def now() -> str:
    """Return the current time in the API's format."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Recorder:
    """Writes events in the background: of a node about its pods, or of the balancer about Services."""

    def __init__(self, api: Api, node: str, component: str = "kubelet", kind: str = "Pod") -> None:
        """Args: node, component: the source of the events; kind: the kind of the objects that they are about."""
        self._api, self._node, self._component, self._kind = api, node, component, kind
        self._queue: asyncio.Queue[tuple[dict, str, str, str]] = asyncio.Queue(1000)
        self._written: dict[tuple, dict] = {}

    def note(self, thing: dict, reason: str, message: str, *, warning: bool = False, container: str = "") -> None:
        """Queue an event about a pod, one of its containers, or a Service."""
        about = thing["metadata"]
        involved = {
            "apiVersion": "v1",
            "kind": self._kind,
            "name": about["name"],
            "namespace": about["namespace"],
            "uid": about["uid"],
        }
        if container:
            involved["fieldPath"] = f"spec.containers{{{container}}}"
        try:
            self._queue.put_nowait((involved, reason, message[:1024], "Warning" if warning else "Normal"))
        except asyncio.QueueFull:
            log.warning("The queue is full; an event is dropped: %s %s", reason, message)

    async def run(self) -> None:
        """Write the queued events, without end."""
        while True:
            event = await self._queue.get()
            try:
                await self._write(*event)
            except ApiError as error:
                if error.status not in (403, 404):  # its namespace is being deleted
                    log.warning("An event was refused: %s", error)
            except AWAY:
                await asyncio.sleep(0.5)

    async def _write(self, involved: dict, reason: str, message: str, kind: str) -> None:
        key = (involved["uid"], involved.get("fieldPath"), reason, message)
        folder = f"/api/v1/namespaces/{involved['namespace']}/events"
        if known := self._written.get(key):
            known["count"] += 1
            change = {"count": known["count"], "lastTimestamp": now()}
            try:
                await self._api.patch(f"{folder}/{known['name']}", change)
                return
            except ApiError as error:
                if error.status != 404:
                    raise
        name = f"{involved['name']}.{uuid.uuid4().hex[:16]}"
        time = now()
        await self._api.create(
            folder,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": involved["namespace"]},
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "type": kind,
                "count": 1,
                "firstTimestamp": time,
                "lastTimestamp": time,
                "source": {"component": self._component, "host": self._node},
                "reportingComponent": self._component,
                "reportingInstance": self._node,
            },
        )
        self._written[key] = {"name": name, "count": 1}
        if len(self._written) > MOST_KEPT:
            self._written.pop(next(iter(self._written)))
