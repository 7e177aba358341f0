"""HTTPS for those alone who have a certificate of the right authority."""

from __future__ import annotations

import ssl
from pathlib import Path

from aiohttp import web

KEPT_ALIVE = 600.0  # seconds that an idle connection stays open
SHUTDOWN = 0.5  # seconds that open requests have when the agent ends


def context(certificate: Path, key: Path, clients: Path) -> ssl.SSLContext:
    """A server's context.

    Args:
        clients: the authority by which clients' certificates must be signed; who has none is not let in.
    """
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(clients))
    made.load_cert_chain(certificate, key)
    made.verify_mode = ssl.CERT_REQUIRED
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def client_of(request: web.Request) -> tuple[str, list[str]]:
    """The name and the groups that the client's certificate says: its common name and its organizations."""
    certificate = (request.transport.get_extra_info("peercert") if request.transport else None) or {}
    parts = [part for group in certificate.get("subject", ()) for part in group]
    names = [value for name, value in parts if name == "commonName"]
    return names[-1] if names else "", [value for name, value in parts if name == "organizationName"]


async def listen(app: web.Application, addresses: list[tuple[str, int]], made: ssl.SSLContext) -> web.AppRunner:
    """Serve an application at these addresses; a handler is cancelled when its client goes away.

    Raises:
        OSError: a port is taken.
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
