"""`payments` as a process: python -m services.payments.main. Settings come from the environment."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from workshop.kafka import access

from services.http.serving import Serving
from services.payments import api
from services.payments.publisher import Publisher
from services.runtime import logs, shutdown
from services.runtime.settings import Settings, read_or_leave

log = logging.getLogger(__name__)
KEEP_ALIVE = 30  # seconds that an idle connection is kept
TICK, LEAVING_TICK = 1.0, 0.1  # seconds between two looks, before it is told to leave and after


class Server(uvicorn.Server):
    """A server that leaves politely.

    When it is told to, it goes on: its readiness says no, and each answer closes its connection, so that clients and load
    balancers turn to other replicas while theirs still gets an answer here. When no connection is left, or a quarter of the
    time is over, it stops listening, finishes what it has begun and ends.
    """

    def __init__(self, settings: Settings, serving: Serving) -> None:
        self._serving, self._seconds = serving, settings.shutdown_seconds
        self._told, self._wake = 0.0, asyncio.Event()
        app = api.build(settings, Publisher(settings.kafka, settings.payments_topic), serving)
        quiet: dict[str, Any] = {
            "access_log": False,
            "log_config": None,
            "server_header": False,
            "ws": "none",
            "proxy_headers": False,
        }
        fast: dict[str, Any] = {"loop": "uvloop", "http": "httptools"}
        patience: dict[str, Any] = {
            "timeout_keep_alive": KEEP_ALIVE,
            "timeout_graceful_shutdown": max(1, int(self._seconds / 2)),
        }
        super().__init__(uvicorn.Config(app, settings.host, settings.port, **quiet, **fast, **patience))

    def handle_exit(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT: begin to leave; uvicorn itself would stop listening at once."""
        if not self._serving.leaving:
            self._told, self._serving.leaving = time.monotonic(), True
            shutdown.within(self._seconds)
            self._wake.set()

    async def main_loop(self) -> None:
        """Look now and then whether it is time to stop; uvicorn's own loop would look ten times a second all day."""
        while not await self.on_tick(0):
            if self._serving.leaving:
                await asyncio.sleep(LEAVING_TICK)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), TICK)

    async def on_tick(self, counter: int) -> bool:
        """Whether it is time to stop; sets the time that its answers carry, too."""
        if self._serving.leaving:
            waited = time.monotonic() - self._told
            if waited > self._seconds / 4 or (waited > 1 and not self.server_state.connections):
                self._serving.left.set()
                self.should_exit = True
        return await super().on_tick(0)  # the first tick of a second, which sets the time in its answers


def main() -> None:
    """Serve until told to leave."""
    settings = read_or_leave("payments")
    logs.set_up(settings)
    access.prepare({access.PREFIX: settings.kafka_prefix})
    log.info("The service starts.", extra={"fields": {"release": settings.release, "host": settings.host}})
    Server(settings, Serving()).run()
    log.info("The service has left.")


if __name__ == "__main__":
    main()
