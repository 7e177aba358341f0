"""HTTP endpoints of a service that consumes from Kafka: identity, liveness, readiness and metrics."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from services.http import request_guard
from services.runtime.settings import Settings, leave

NEVER = 3600.0  # seconds between two checks for a stop; the server ends with its process


@dataclass(frozen=True)
class Side:
    """Content of the endpoints.

    Attributes:
        ready: returns the reason why the service is not ready, or an empty string.
    """

    settings: Settings
    ready: Callable[[], str]
    figures: CollectorRegistry

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return the answer to a GET: status, content type, body."""
        match path.split("?")[0]:
            case "/":
                return _json(200, self.settings.identity())
            case "/healthz":  # independent of Kafka: a restart of the service does not repair brokers
                return _json(200, {"status": "alive"})
            case "/readyz":
                reason = self.ready()
                return _json(503, {"detail": reason}) if reason else _json(200, {"status": "ready"})
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(self.figures)
        return _json(404, {"detail": "Not found. The paths are /, /healthz, /readyz and /metrics."})


def serve(side: Side) -> ThreadingHTTPServer:
    """Answer requests in background threads; exit with a message if the address cannot be bound."""
    settings = side.settings
    try:
        server = ThreadingHTTPServer((settings.host, settings.port), _handler(side))
    except OSError as error:
        leave(f"{settings.service} cannot listen on {settings.host}:{settings.port}: {error}.")
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(NEVER,), name="side-server", daemon=True).start()
    return server


def _json(status: int, content: dict) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(content).encode()


def _handler(side: Side) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # seconds after which the connection of a slow client is closed

        def do_GET(self) -> None:
            named = [
                (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in self.headers.items()
            ]
            sentence = request_guard.refusal(named)
            status, kind, body = _json(403, {"detail": sentence}) if sentence else side.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *about: object) -> None:
            """Log nothing: probes arrive every few seconds."""

    return Handler
