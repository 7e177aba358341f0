"""HTTP transport for Kafka Connect's REST interface: client certificates, and repeated requests while the worker is busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from workshop.base.waiting import wait_until
from workshop.stack.cdc import tls

IN_ALL = 90.0  # timeout in seconds of a request with all its repetitions
LOOK = "`workshop logs connect` shows more."


class PatientTransport(httpx.BaseTransport):
    """Transport that sends a request until there is a final answer.

    A request without an answer is repeated, which is safe for GET, PUT and DELETE. It is also repeated after 409, which a
    worker returns during a rebalance, and after a 500 that reports a timeout or a rebalance (some GET requests do).

    Raises:
        httpx.TransportError: the worker has ended, or nothing answered in time.
        WorkshopError: the worker answered, but no answer was final in time.
    """

    def __init__(self, pki: Path, lives: Callable[[], bool], inner: httpx.BaseTransport | None = None) -> None:
        """Use the certificates of a folder.

        Args:
            lives: returns whether the worker's process runs.
            inner: the transport of one try, for tests.

        Raises:
            OSError: no worker was started here yet.
        """
        self._lives = lives
        self._inner = inner or httpx.HTTPTransport(verify=tls.context(pki))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; return the final answer."""
        answers: list[httpx.Response] = []
        until = time.monotonic() + IN_ALL

        def decided() -> bool:
            try:
                answers.append(self._answer(request))
            except (httpx.TransportError, OSError):
                if not self._lives() or time.monotonic() > until:
                    raise
                return False
            return answers[-1].status_code != 409 and not _was_busy(answers[-1])

        wait_until(decided, IN_ALL, "Kafka Connect to be ready", every=0.3, next_step=LOOK)
        return answers[-1]

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to one try, read completely, so that its connection is free for the next one."""
        answer = self._inner.handle_request(request)
        try:
            content = answer.read()
        finally:
            answer.close()
        kind = {"content-type": answer.headers.get("content-type", "application/json")}
        return httpx.Response(answer.status_code, headers=kind, content=content, extensions=answer.extensions)


def message(answer: httpx.Response) -> str:
    """Return the worker's own message of an error, or the status."""
    try:
        return str(answer.json()["message"]).strip()
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"


def _was_busy(answer: httpx.Response) -> bool:
    """Whether a worker had an error that passes: it was too slow, or its group rebalances."""
    said = message(answer).lower()
    return answer.status_code == 500 and ("timed out" in said or "rebalance is expected" in said)
