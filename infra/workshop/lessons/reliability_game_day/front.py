"""An unreliable way to `payments` for exercise 3: it loses answers and refuses requests, as a service does that crashes."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

LOSE, REFUSE, PASS = "the answer is lost", "503", "passed on"
# What happens to the attempts at each order, one after the other; later attempts are passed on.
SCRIPTS = ((LOSE, REFUSE), (REFUSE, LOSE, REFUSE))
TIMEOUT = 30.0  # seconds that `payments` may take


@dataclass(frozen=True)
class Attempt:
    """A request that arrived.

    Attributes:
        order: the number of the order, from 0.
        at, until: the times of its arrival and of its answer, in seconds of a monotonic clock.
        key: its Idempotency-Key; None without one.
        did: one of `LOSE`, `REFUSE` and `PASS`.
        status: the status that `payments` answered; 0 if it was not asked.
    """

    order: int
    at: float
    until: float
    key: str | None
    did: str
    status: int = 0


class Front:
    """An HTTP server on this machine that forwards orders to `payments`, within a `with` block.

    Attributes:
        order: the number of the order that is being paid; set by the caller.
        attempts: the requests that arrived.
    """

    def __init__(self, target: str) -> None:
        """Args: target: the address of `payments`."""
        self.order, self.attempts = 0, list[Attempt]()
        self._target, self._lock, self._seen = urlsplit(target), threading.Lock(), Counter[int]()
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                front.handle(self)

            def log_message(self, *_: object) -> None:
                """Log nothing: the output belongs to the learner."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The address to which orders are sent."""
        return f"http://127.0.0.1:{self._server.server_port}/payments"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="front", daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Handle one request as the script of its order says."""
        order, at = self.order, time.monotonic()
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        key = request.headers.get("Idempotency-Key")
        did = self._script()
        if did == REFUSE:
            self._note(order, at, key, did)
            _answer(request, 503, b'{"detail": "Kafka did not acknowledge the payment. Try again."}', "1")
            return
        status, content = self._forward(request, body, key)
        self._note(order, at, key, did, status)
        if did == LOSE and status == http.client.CREATED:
            request.close_connection = True  # no answer at all, as if the pod had crashed after the write
            return
        _answer(request, status, content)

    def _script(self) -> str:
        with self._lock:
            number = self._seen[self.order]
            self._seen[self.order] += 1
            script = SCRIPTS[self.order % len(SCRIPTS)]
            return script[number] if number < len(script) else PASS

    def _note(self, order: int, at: float, key: str | None, did: str, status: int = 0) -> None:
        with self._lock:
            self.attempts.append(Attempt(order, at, time.monotonic(), key, did, status))

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes, key: str | None) -> tuple[int, bytes]:
        headers = {"Content-Type": request.headers.get("Content-Type") or "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            connection = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=TIMEOUT)
            with closing(connection):
                connection.request("POST", request.path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 503, b'{"detail": "The service payments does not answer. Try again."}'


def _answer(request: BaseHTTPRequestHandler, status: int, content: bytes, retry_after: str = "") -> None:
    with suppress(OSError):  # the client did not wait
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        if retry_after:
            request.send_header("Retry-After", retry_after)
        request.end_headers()
        request.wfile.write(content)
