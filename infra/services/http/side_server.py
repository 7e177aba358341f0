"""What a service that has no requests of its own answers over HTTP: who it is, whether it lives and works, its figures."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from services.http import request_guard
from services.runtime.settings import Settings, leave

NEVER = 3600.0  # seconds between two looks whether to stop: the server ends with its process


@dataclass(frozen=True)
class Side:
    """What is asked from outside.

    Attributes:
        ready: the reason why it is not ready, or nothing.
    """

    settings: Settings
    ready: Callable[[], str]
    figures: CollectorRegistry

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """The answer to a GET: status, content type, body."""
        match path.split("?")[0]:
            case "/":
                return _json(200, self.settings.identity())
            case "/healthz":  # never asks Kafka: to start a service again does not mend brokers
                return _json(200, {"status": "alive"})
            case "/readyz":
                reason = self.ready()
                return _json(503, {"detail": reason}) if reason else _json(200, {"status": "ready"})
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(self.figures)
        return _json(404, {"detail": "There is nothing here: ask for /, /healthz, /readyz or /metrics."})


def serve(side: Side) -> ThreadingHTTPServer:
    """Answer in threads of its own, from now on; an address that cannot be taken ends the process with a sentence."""
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
        timeout = 5  # seconds that a slow client may keep a thread

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
            """Nothing: probes come every few seconds."""

    return Handler
