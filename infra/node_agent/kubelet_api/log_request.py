"""Request for a container's log, and the choice of the log file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from multidict import MultiMapping

from node_agent.model import RunningContainer
from node_agent.processes import logs

FLAGS = "follow", "previous", "timestamps"
NUMBERS = "tailLines", "limitBytes", "sinceSeconds"
STREAMS = {"All": None, "Stdout": "stdout", "Stderr": "stderr"}


@dataclass(frozen=True)
class LogRequest:
    """The requested part of a container's log, and its format."""

    follow: bool
    previous: bool
    timestamps: bool
    tail: int | None
    limit_bytes: int | None
    since: datetime | None
    stream: str | None

    @classmethod
    def of(cls, query: MultiMapping[str]) -> LogRequest:
        """Read a query.

        Raises:
            ValueError: an invalid value.
        """
        follow, previous, timestamps = (query.get(name) in ("1", "true") for name in FLAGS)
        tail, limit, seconds = (_whole(name, query.get(name)) for name in NUMBERS)
        stream = query.get("stream", "All")
        if stream not in STREAMS:
            raise ValueError(f"invalid stream type {stream}")
        since = datetime.now(UTC) - timedelta(seconds=seconds) if seconds is not None else None
        if "sinceTime" in query:
            since = datetime.fromisoformat(query["sinceTime"])
        return cls(follow, previous, timestamps, tail, limit, since, STREAMS[stream])

    def read(self, pod: str, container: RunningContainer) -> AsyncGenerator[bytes, None]:
        """Yield the log in chunks.

        Raises:
            ValueError: there is no log yet; the text is a kubelet's message.
        """
        path = self._attempt(pod, container)
        return logs.read(
            [path],
            tail=self.tail,
            since=self.since,
            timestamps=self.timestamps,
            limit_bytes=self.limit_bytes,
            stream=self.stream,
            follow=_ended(container, path) if self.follow else None,
        )

    def _attempt(self, pod: str, container: RunningContainer) -> Path:
        """Return the file of the requested attempt.

        During the back-off, the last attempt is both the current and the previous one.
        """
        waits = container.state.get("waiting")
        held = container.attempts if not self.previous or waits else container.attempts[:-1]
        if held:
            return held[-1]
        if self.previous:
            raise ValueError(f'previous terminated container "{container.name}" in pod "{pod}" not found')
        reason = (waits or {}).get("reason", "ContainerCreating")
        raise ValueError(f'container "{container.name}" in pod "{pod}" is waiting to start: {reason}')


def _whole(name: str, text: str | None) -> int | None:
    if text is not None and not text.isdecimal():
        raise ValueError(f"{name} must be a number, 0 or more: {text}")
    return None if text is None else int(text)


def _ended(container: RunningContainer, path: Path) -> Callable[[], bool]:
    """Return a function that returns whether a log is complete.

    It is when its attempt has ended, or the next one has started.
    """
    return lambda: container.ended() or container.attempts[-1:] != [path]
