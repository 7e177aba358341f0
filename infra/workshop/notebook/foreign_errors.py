"""Messages for errors of other libraries in lessons: the fact, then the command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

HERE = ("127.0.0.1", "localhost", "::1")
RUN_AGAIN = "→ In a terminal, `workshop status` shows what runs and `workshop up` repairs it. Then run this cell again."
REGISTRY_API = "/apis/ccompat/"
REGISTRY_STARTS = "→ In a terminal: `workshop up --with registry`. Then run this cell again."
ELSEWHERE = "→ Check the address and the network, then run this cell again."
LAST_LINES = 4  # of a command's output


def explained(error: BaseException) -> list[str]:
    """Return the message lines for an error, or an empty list if the table has no entry for it.

    Classes are identified by name, so that their libraries need not be imported.
    """
    for kind in type(error).__mro__:
        if tell := TABLE.get(f"{kind.__module__}.{kind.__qualname__}"):
            return tell(error)
    return []


def _unreached(error: BaseException) -> list[str]:
    address = _address(error)
    if REGISTRY_API in address:
        return ["The schema registry does not answer.", REGISTRY_STARTS]
    where = f" at {address}" if address else ""
    host = urlsplit(address).hostname if "://" in address else address.rsplit(":", 1)[0]
    late = "timeout" in type(error).__name__.lower() or isinstance(error, TimeoutError)
    fact = f"The server{where} did not answer in time." if late else f"No server answers{where}."
    return [fact, RUN_AGAIN if not address or host in HERE else ELSEWHERE]


def _address(error: Any) -> str:
    """Return the URL of a failed request without its query, or its address; empty if unknown."""
    try:
        url = str(error.request.url)  # requests and httpx
    except (AttributeError, RuntimeError):
        pool = getattr(error, "pool", None) or error  # urllib3 and aiohttp
        host, port = getattr(pool, "host", ""), getattr(pool, "port", "")
        return f"{host}:{port}" if host and port else ""
    return url.split("?")[0]


def _answered_badly(error: BaseException) -> list[str]:
    response = getattr(error, "response", error)
    status = getattr(response, "status_code", None) or getattr(response, "code", "")
    url = str(getattr(response, "url", "")).split("?")[0]
    return [f"{url or 'The server'} answered with the HTTP status {status}.", RUN_AGAIN]


def _kubernetes(error: BaseException) -> list[str]:
    """Return the message of the API server; its client would print forty lines of headers."""
    status, reason, body = (getattr(error, name, None) for name in ("status", "reason", "body"))
    try:
        said = json.loads(body or "")["message"]
    except (ValueError, TypeError, KeyError):
        said = str(reason or body or "no reason given").strip()
    if not status:
        return [f"The Kubernetes API does not answer: {said.rstrip('.')}.", RUN_AGAIN]
    step = "→ `kubectl get all` shows what is there; `workshop up` declares the services again as they were delivered."
    return [f"Kubernetes answers {status}: {said.rstrip('.')}.", step]


def _no_kubernetes(error: BaseException) -> list[str]:
    return [f"There is no way to Kubernetes yet: {_first_line(error)}.", RUN_AGAIN]


def _postgres_gone(error: BaseException) -> list[str]:
    step = "→ In a terminal: `workshop up --with cdc`. Then run this cell again."
    return [f"PostgreSQL does not answer: {_first_line(error)}.", step]


def _postgres_refused(error: BaseException) -> list[str]:
    step = "→ Correct the statement, then run this cell again."
    return [*f"PostgreSQL reports {type(error).__name__}: {error}".splitlines(), step]


def _command_failed(error: Any) -> list[str]:
    return [f"The command {_shown(error.cmd)} ended with exit code {error.returncode}.", *_printed(error), RUN_AGAIN]


def _command_late(error: Any) -> list[str]:
    return [f"The command {_shown(error.cmd)} did not end within {error.timeout:.1f} s.", *_printed(error), RUN_AGAIN]


def _shown(command: str | bytes | Iterable[object]) -> str:
    text = command.decode(errors="replace") if isinstance(command, bytes) else command
    words = text if isinstance(text, str) else shlex.join(str(word) for word in text)
    return f"`{words}`" if len(words) <= 80 and "\n" not in words else f"`{words.splitlines()[0][:80]} …`"


def _printed(error: Any) -> list[str]:
    said = error.stderr or error.output or ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return [f"  {line}" for line in text.strip().splitlines()[-LAST_LINES:]]


def _confluent(error: BaseException) -> list[str]:
    reported = error.args[0] if error.args else error
    name = reported.name() if hasattr(reported, "name") else type(error).__name__
    said = reported.str() if hasattr(reported, "str") else str(reported)
    return [f"Kafka reports {name}: {said.rstrip('.')}.", RUN_AGAIN]


def _registry_refused(error: Any) -> list[str]:
    """Return the registry's own message, without the name of its Java class."""
    said = str(error.error_message)
    cause, _, message = said.partition(": ")
    said = message if cause.endswith("Exception") and message else said
    return [f"The schema registry answers {error.http_status_code}: {said.rstrip('.')}.", *_registry_step(error)]


def _registry_step(error: Any) -> list[str]:
    if error.http_status_code == 409:
        return [
            "→ Change the schema: a default repairs most changes. `registry.get_compatibility(subject)` returns the level."
        ]
    if error.error_code == 40403:
        return [
            "→ No schema has this id here: the record was written with another registry, or the registry's topic was deleted."
        ]
    return ["→ `workshop logs registry` shows more."]


def _not_offsets(error: BaseException) -> list[str]:
    """Return the message about the offsets that kafka-python's `commit` refuses; no message for any other error."""
    if "OffsetAndMetadata" not in str(error) or not _raised_in(error, "kafka.coordinator."):
        return []
    return [
        "`commit` takes a dict of partitions to `OffsetAndMetadata`, not to numbers.",
        '→ Write `from kafka import OffsetAndMetadata`, then `consumer.commit({place: OffsetAndMetadata(offset, "", -1)})`.',
        "  Or `seek` to the offset, and call `commit()` without arguments.",
    ]


def _raised_in(error: BaseException, package: str) -> bool:
    """Return whether an error was raised in a module whose name begins so."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith(package)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


TABLE: dict[str, Callable[[BaseException], list[str]]] = {
    "aiohttp.client_exceptions.ClientConnectionError": _unreached,
    "builtins.ConnectionError": _unreached,
    "builtins.TypeError": _not_offsets,
    "cimpl.KafkaException": _confluent,
    "httpx.HTTPStatusError": _answered_badly,
    "confluent_kafka.schema_registry.error.SchemaRegistryError": _registry_refused,
    "httpx.TransportError": _unreached,
    "httpx2.HTTPStatusError": _answered_badly,
    "httpx2.TransportError": _unreached,
    "kubernetes.client.exceptions.ApiException": _kubernetes,
    "kubernetes.config.config_exception.ConfigException": _no_kubernetes,
    "psycopg.Error": _postgres_refused,
    "psycopg.OperationalError": _postgres_gone,
    "requests.exceptions.ConnectionError": _unreached,
    "requests.exceptions.HTTPError": _answered_badly,
    "requests.exceptions.Timeout": _unreached,
    "subprocess.CalledProcessError": _command_failed,
    "subprocess.TimeoutExpired": _command_late,
    "urllib.error.HTTPError": _answered_badly,
    "urllib.error.URLError": _unreached,
    "urllib3.exceptions.MaxRetryError": _unreached,
    "urllib3.exceptions.ProtocolError": _unreached,
    "urllib3.exceptions.TimeoutError": _unreached,
}
