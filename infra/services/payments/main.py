"""Process of the service `payments`, configured by environment: python -m services.payments.main."""

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
TICK, LEAVING_TICK = 1.0, 0.1  # seconds between two checks, before SIGTERM and after it


class Server(uvicorn.Server):
    """A server with a graceful shutdown.

    After SIGTERM it continues to serve: the readiness check fails and each answer closes its connection, so that
    clients and load balancers change to other replicas while pending requests are still answered here. When no
    connection is left, or a quarter of the shutdown time has passed, the server stops listening, finishes the requests
    in progress and ends.
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
        """Start the shutdown on SIGTERM or SIGINT; uvicorn itself would stop listening at once."""
        if not self._serving.leaving:
            self._told, self._serving.leaving = time.monotonic(), True
            shutdown.within(self._seconds)
            self._wake.set()

    async def main_loop(self) -> None:
        """Check regularly whether to stop; uvicorn's own loop would check ten times per second at all times."""
        while not await self.on_tick(0):
            if self._serving.leaving:
                await asyncio.sleep(LEAVING_TICK)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), TICK)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop now; also update the Date header of the answers."""
        if self._serving.leaving:
            waited = time.monotonic() - self._told
            if waited > self._seconds / 4 or (waited > 1 and not self.server_state.connections):
                self._serving.left.set()
                self.should_exit = True
        return await super().on_tick(0)  # uvicorn updates the Date header at tick 0 of each ten


def main() -> None:
    """Serve until SIGTERM."""
    settings = read_or_leave("payments")
    logs.set_up(settings)
    access.prepare({access.PREFIX: settings.kafka_prefix})
    log.info("The service starts.", extra={"fields": {"release": settings.release, "host": settings.host}})
    Server(settings, Serving()).run()
    log.info("The service has stopped.")


if __name__ == "__main__":
    main()
