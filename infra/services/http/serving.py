"""Whether a server is there for requests: it is until it is told to leave; and a lesson can make it hang."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Serving:
    """The state of one server.

    Attributes:
        leaving: it was told to leave: it is not ready any more, and says good-bye with every answer.
        hung: its health check does not answer any more.
        left: the time of waiting is over.
    """

    leaving: bool = False
    hung: bool = False
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def alive(self) -> None:
        """Returns if it lives; does not return if it hangs."""
        if self.hung:
            await self.left.wait()
