"""HTTPS server that requires a client certificate of a given authority."""

from __future__ import annotations

import ssl
from pathlib import Path

from aiohttp import web

KEPT_ALIVE = 600.0  # seconds that an idle connection stays open
SHUTDOWN = 0.5  # seconds; grace period of open requests when the agent stops


def context(certificate: Path, key: Path, clients: Path) -> ssl.SSLContext:
    """Return the TLS context of a server.

    Args:
        clients: certificate of the authority that must have signed the clients' certificates; others are refused.
    """
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(clients))
    made.load_cert_chain(certificate, key)
    made.verify_mode = ssl.CERT_REQUIRED
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def client_of(request: web.Request) -> tuple[str, list[str]]:
    """Return user and groups of the client's certificate: its common name and its organizations."""
    certificate = (request.transport.get_extra_info("peercert") if request.transport else None) or {}
    parts = [part for group in certificate.get("subject", ()) for part in group]
    names = [value for name, value in parts if name == "commonName"]
    return names[-1] if names else "", [value for name, value in parts if name == "organizationName"]


async def listen(app: web.Application, addresses: list[tuple[str, int]], made: ssl.SSLContext) -> web.AppRunner:
    """Serve an application at these addresses; a handler is cancelled when its client disconnects.

    Raises:
        OSError: a port is in use.
    """
    runner = web.AppRunner(
        app, handler_cancellation=True, access_log=None, keepalive_timeout=KEPT_ALIVE, shutdown_timeout=SHUTDOWN
    )
    await runner.setup()
    try:
        for host, port in addresses:
            await web.TCPSite(runner, host, port, ssl_context=made, backlog=256).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
