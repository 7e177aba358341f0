"""State of a server: serving, shutting down, or hanging on purpose in a lesson."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Serving:
    """The state of one server.

    Attributes:
        leaving: it is shutting down: it is not ready any more, and each answer closes its connection.
        hung: its health check does not answer any more.
        left: set when the server stops; it ends the requests that hang.
    """

    leaving: bool = False
    hung: bool = False
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def alive(self) -> None:
        """Return at once if the server is alive; if it hangs, return when the server stops."""
        if self.hung:
            await self.left.wait()
