"""Asynchronous client of the Kubernetes API: JSON over TLS, with the certificate of one node."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp

log = logging.getLogger(__name__)

JSON = "application/json"
STRATEGIC = "application/strategic-merge-patch+json"
LONGEST_LINE = 1 << 23  # bytes; the longest event of a watch
WATCH_SECONDS = 300
NOT_KNOWN_YET = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds
PATIENCE = 20.0  # seconds until refused watches are logged: a control plane refuses all requests while it starts
TIMEOUT = aiohttp.ClientTimeout(total=15)
AWAY = (aiohttp.ClientError, OSError, TimeoutError, json.JSONDecodeError)  # the API server is unavailable for a moment


class ApiError(Exception):
    """The API server refused a request; `status` is the HTTP status, the text is the server's message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """API client with the rights of one certificate. Create it in a running event loop, and close it."""

    def __init__(self, base: str, authority: Path, certificate: Path, key: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate, key)
        connector = aiohttp.TCPConnector(ssl=context, limit=100)
        self._session = aiohttp.ClientSession(base, connector=connector, read_bufsize=LONGEST_LINE, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def get(self, path: str, **query: str) -> dict:
        """Read an object, or a list.

        Raises:
            ApiError: it does not exist, or reading it is forbidden.
        """
        return await self._ask("GET", path, None, JSON, query)

    async def referenced(self, path: str) -> dict:
        """Read a config map or secret that a pod of this node refers to; retry while the answer is 403.

        A node may read no other ones, and the API server's authorizer learns of a new pod's references with a short delay.
        """
        return await self._soon_allowed(lambda: self.get(path))

    async def token(self, path: str, body: dict) -> dict:
        """Create a token for a pod of this node, at `…/serviceaccounts/NAME/token`; retry as in `referenced`."""
        return await self._soon_allowed(lambda: self.create(path, body))

    async def _soon_allowed(self, ask: Callable[[], Awaitable[dict]]) -> dict:
        for pause in NOT_KNOWN_YET:
            try:
                return await ask()
            except ApiError as error:
                if error.status != 403:
                    raise
            await asyncio.sleep(pause)
        return await ask()

    async def create(self, path: str, body: dict) -> dict:
        """Create an object in the collection `path`."""
        return await self._ask("POST", path, body, JSON, {})

    async def patch(self, path: str, body: dict, kind: str = STRATEGIC) -> dict:
        """Change parts of an object."""
        return await self._ask("PATCH", path, body, kind, {})

    async def replace(self, path: str, body: dict) -> dict:
        """Replace an object."""
        return await self._ask("PUT", path, body, JSON, {})

    async def delete(self, path: str, body: dict) -> dict:
        """Delete an object; `body` is a DeleteOptions."""
        return await self._ask("DELETE", path, body, JSON, {})

    async def watch(self, path: str, **query: str) -> AsyncIterator[tuple[str, dict]]:
        """List and watch without end: yield (ADDED, MODIFIED or DELETED, object) and (SYNCED, {}).

        SYNCED follows each list. Objects that were deleted while the connection was lost are yielded as DELETED.
        """
        known: dict[str, dict] = {}
        well = time.monotonic()
        while True:
            try:
                async for kind, seen in self._list_and_watch(path, query, known):
                    well = time.monotonic()
                    yield kind, seen
            except ApiError as error:
                if error.status not in (410, 429) and error.status < 500 and time.monotonic() - well > PATIENCE:
                    log.warning("%s cannot be watched: %s", path, error)
                await asyncio.sleep(0.3)
            except AWAY:
                await asyncio.sleep(0.3)

    async def _list_and_watch(self, path: str, query: dict, known: dict[str, dict]) -> AsyncIterator[tuple[str, dict]]:
        listed = await self.get(path, **query)
        now = {item["metadata"]["uid"]: item for item in listed.get("items") or []}
        for uid in [uid for uid in known if uid not in now]:
            yield "DELETED", known.pop(uid)
        for uid, item in now.items():
            known[uid] = item
            yield "ADDED", item
        yield "SYNCED", {}
        version = listed["metadata"]["resourceVersion"]
        while True:
            async for kind, item in self._watch_once(path, query, version):
                version = item["metadata"]["resourceVersion"]
                if kind == "BOOKMARK":
                    continue
                if kind == "DELETED":
                    known.pop(item["metadata"]["uid"], None)
                else:
                    known[item["metadata"]["uid"]] = item
                yield kind, item

    async def _watch_once(self, path: str, query: dict, version: str) -> AsyncIterator[tuple[str, dict]]:
        more = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        params = {**query, **more, "timeoutSeconds": str(WATCH_SECONDS)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=WATCH_SECONDS + 30)
        async with self._session.get(path, params=params, timeout=timeout) as response:
            if response.status != 200:
                raise ApiError(response.status, await response.text())
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 500), event["object"].get("message", ""))
                yield event["type"], event["object"]

    async def _ask(self, method: str, path: str, body: dict | None, kind: str, query: dict) -> dict:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": kind, "Accept": JSON}
        async with self._session.request(
            method, path, params=query, data=data, headers=headers, timeout=TIMEOUT
        ) as response:
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise ApiError(response.status, answer.get("message", "") if isinstance(answer, dict) else str(answer))
            return answer
