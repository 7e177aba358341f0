"""Probes and hooks: checks whether a container has started, is alive, and is ready."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Awaitable, Callable

from node_agent.kubelet import http_get
from node_agent.model import RunningContainer
from node_agent.processes.process_tree import kill, whole

MOST_SAID = 256  # characters of a probe's output in an event


async def ask(probe: dict, container: RunningContainer, ports: dict[str, int], host: str) -> str:
    """Run a probe or a hook once; return an empty string if it succeeded, otherwise a kubelet's message.

    Args:
        ports: the container's named ports.
        host: the address at which the pod listens.
    """
    timeout = float(probe.get("timeoutSeconds") or 1)
    try:
        if "exec" in probe:
            return await execute(container, probe["exec"].get("command") or [], timeout)
        if "httpGet" in probe:
            return await _get(probe["httpGet"], ports, host, timeout)
        if "tcpSocket" in probe:
            return await _connect(probe["tcpSocket"], ports, host, timeout)
    except KeyError as error:
        return f"couldn't find port {error} of the container"
    return "nodes without Docker support exec, httpGet and tcpSocket only"


async def execute(container: RunningContainer, command: list[str], timeout: float) -> str:
    """Run a command in a container; return an empty string if it exited with 0, otherwise a message."""
    try:
        process = await container.spawn(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        return f'exec: "{command[0] if command else ""}": {error.strerror}'
    try:
        said, _ = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError:
        return f'command "{" ".join(command)}" timed out'
    finally:
        if process.returncode is None:
            kill(whole(process.pid))
    return "" if process.returncode == 0 else said.decode(errors="replace")[:MOST_SAID].strip() or "exit code not 0"


async def _get(action: dict, ports: dict[str, int], host: str, timeout: float) -> str:
    port, path = port_of(action["port"], ports), action.get("path") or "/"
    scheme = (action.get("scheme") or "HTTP").lower()
    host, path = action.get("host") or host, f"/{path.lstrip('/')}"
    headers = ((header["name"], header["value"]) for header in action.get("httpHeaders") or [])
    url = f"{scheme}://{host}:{port}{path}"
    try:
        async with asyncio.timeout(timeout):
            status = await http_get.status(scheme, host, port, path, headers)
    except TimeoutError:
        return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    except http_get.NoAnswer as error:
        return f'Get "{url}": {error}'
    except OSError as error:
        return f'Get "{url}": dial tcp {host}:{port}: connect: {_plain(error.strerror or str(error)).lower()}'
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


async def _connect(action: dict, ports: dict[str, int], host: str, timeout: float) -> str:
    port, host = port_of(action["port"], ports), action.get("host") or host
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout)
    except TimeoutError:
        return f"dial tcp {host}:{port}: i/o timeout"
    except OSError as error:
        return f"dial tcp {host}:{port}: connect: {_plain(error.strerror or str(error)).lower()}"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


def _plain(said: str) -> str:
    """Return the system's term for asyncio's `Connect call failed ('127.1.2.3', 80)`: connection refused."""
    return "connection refused" if "Connect call failed" in said else said


def port_of(port: int | str, ports: dict[str, int]) -> int:
    """Return the number of a port that a probe gives by name or number.

    Raises:
        KeyError: the container has no port of this name.
    """
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    return ports[port]


EAGER = (
    0.25  # seconds between attempts until the first success, so that a start is detected early even with a long period
)


class Series:
    """A probe that is repeated; a callback reports each change of its verdict.

    A verdict needs `successThreshold` successes or `failureThreshold` failures in a row, a period apart. Until the first
    success the probe runs more often, and failures within one period count once.
    """

    def __init__(
        self,
        probe: dict,
        once: Callable[[], Awaitable[str]],
        said: Callable[[bool, str], None],
        failed: Callable[[str], None],
    ) -> None:
        """Args: once: runs the probe; said: receives verdict and last message; failed: receives failures."""
        self._once, self._said, self._failed = once, said, failed
        self._delay = probe.get("initialDelaySeconds") or 0
        self._period = probe.get("periodSeconds") or 10
        self._needed = {True: probe.get("successThreshold") or 1, False: probe.get("failureThreshold") or 3}

    async def run(self, *, until_first: bool = False) -> bool:
        """Repeat the probe without end; with `until_first`, return the first verdict."""
        await asyncio.sleep(self._delay)
        last, in_a_row, verdict, counted = None, 0, None, -1e9
        while True:
            began = time.monotonic()
            sentence = await self._once()
            good = not sentence
            eager = last is not True and not good
            if good or began - counted >= self._period * 0.99:
                counted = began
                in_a_row = in_a_row + 1 if good == last else 1
                last = good
                if not good:
                    self._failed(sentence)
                if in_a_row >= self._needed[good] and good != verdict:
                    verdict = good
                    if until_first:
                        return verdict
                    self._said(verdict, sentence)
            await asyncio.sleep(min(EAGER, self._period) if eager and verdict is None else self._period)
