"""`kubectl exec`: a program in a container, connected to a client by a WebSocket with numbered channels."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from subprocess import DEVNULL, PIPE
from typing import Any

from aiohttp import WSMsgType, web
from multidict import MultiMapping

from node_agent.kubelet_api.terminal import CHUNK, END_OF_INPUT, Terminal
from node_agent.model import RunningContainer

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
QUIET = (
    1.0  # seconds without output after a program's end, until output of its background processes is no longer awaited
)

Read = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Wanted:
    """The requested command, and its streams that are connected to the client."""

    command: tuple[str, ...]
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool

    @classmethod
    def of(cls, query: MultiMapping[str]) -> Wanted:
        """Read a query.

        Raises:
            ValueError: the command or all streams are missing.
        """

        def has(*names: str) -> bool:
            return any(query.get(name) in ("1", "true") for name in names)

        tty, command = has("tty"), tuple(query.getall("command", []))
        wanted = cls(command, has("input", "stdin"), has("output", "stdout"), has("error", "stderr") and not tty, tty)
        if not command:
            raise ValueError("you must specify a command")
        if not (wanted.stdin or wanted.stdout or wanted.stderr):
            raise ValueError("you must specify at least 1 of stdin, stdout, stderr")
        return wanted


def agreed(request: web.Request) -> web.WebSocketResponse | None:
    """Return the WebSocket response; None if the client does not offer WebSocket with one of `PROTOCOLS`."""
    socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False)
    found = socket.can_prepare(request)
    return socket if found and found.protocol else None


async def serve(
    request: web.Request, socket: web.WebSocketResponse, container: RunningContainer, wanted: Wanted
) -> web.WebSocketResponse:
    """Run a program until it ends or the client disconnects."""
    await socket.prepare(request)
    session = _Session(socket, wanted)
    try:
        # An empty message confirms the connection.
        await session.send(STDOUT if wanted.stdout else STDERR if wanted.stderr else ERROR, b"")
        status = await session.run(container)
        if status:
            await session.send(ERROR, json.dumps(status).encode())
        await socket.close()
    except ConnectionError:
        pass  # the client has disconnected, and the program was killed
    return socket


class _Session:
    def __init__(self, socket: web.WebSocketResponse, wanted: Wanted) -> None:
        self._socket, self._wanted = socket, wanted
        self._terminal = Terminal() if wanted.tty else None
        self._process: asyncio.subprocess.Process | None = None
        self._moved = 0  # bytes sent
        self._sending = 0  # pieces that the client has not received yet

    async def send(self, channel: int, text: bytes) -> None:
        await self._socket.send_bytes(bytes([channel]) + text)

    async def run(self, container: RunningContainer) -> dict | None:
        """Run the program; return the final status, or None if the client has disconnected."""
        tasks: list[asyncio.Task] = []
        try:
            if refusal := await self._start(container):
                return refusal
            program, client = asyncio.create_task(self._until_end()), asyncio.create_task(self._receive())
            tasks += [program, client]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return _ended(program.result()) if program.done() else None
        finally:
            for task in tasks:
                task.cancel()
            self._end()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._close()

    async def _start(self, container: RunningContainer) -> dict | None:
        wanted, terminal = self._wanted, self._terminal
        pipes: dict[str, Any] = {
            "stdin": PIPE if wanted.stdin else DEVNULL,
            "stdout": PIPE if wanted.stdout else DEVNULL,
            "stderr": PIPE if wanted.stderr else DEVNULL,
        }
        if terminal:
            pipes = {**dict.fromkeys(pipes, terminal.inner), "tty": True}
        try:
            self._process = await container.spawn(list(wanted.command), **pipes)
        except OSError as error:
            return _failed_to_start(wanted.command[0], error)
        finally:
            if terminal:
                terminal.close_inner()
        return None

    def _end(self) -> None:
        """Kill the program if it still runs."""
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _close(self) -> None:
        if self._terminal:
            self._terminal.close()
        if self._process:
            # Close its pipes, whose other ends background processes can hold open. asyncio has no public access to them.
            self._process._transport.close()  # type: ignore[attr-defined]

    # -- from the program to the client

    async def _until_end(self) -> int:
        """Forward the output of the program, and return its exit code."""
        pumps = [asyncio.create_task(self._pump(read, channel)) for channel, read in self._sources()]
        try:
            assert self._process is not None  # started before
            code = await _exit_code(self._process)
            await self._drain(pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        return code

    def _sources(self) -> list[tuple[int, Read]]:
        if self._terminal:
            return [(STDOUT, self._terminal.read)]
        assert self._process is not None
        streams = {STDOUT: self._process.stdout, STDERR: self._process.stderr}
        return [(channel, partial(stream.read, CHUNK)) for channel, stream in streams.items() if stream]

    async def _pump(self, read: Read, channel: int) -> None:
        with contextlib.suppress(ConnectionError):  # the client has disconnected, which `_receive` also detects
            while text := await read():
                self._sending += 1
                await self.send(channel, text)
                self._sending -= 1
                self._moved += len(text)

    async def _drain(self, pumps: list[asyncio.Task]) -> None:
        """Wait for the ends of the streams, but not for those that a background process holds open."""
        pending = set(pumps)
        while pending:
            before = self._moved
            _, pending = await asyncio.wait(pending, timeout=QUIET)
            if pending and self._moved == before and not self._sending:
                return

    # -- from the client to the program

    async def _receive(self) -> None:
        """Process the client's messages until it disconnects."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY and message.data:
                channel, text = message.data[0], message.data[1:]
                if channel == STDIN:
                    await self._type(text)
                elif channel == RESIZE:
                    self._resize(text)
                elif channel == CLOSE and text[:1] == bytes([STDIN]):
                    await self._end_of_input()

    async def _type(self, text: bytes) -> None:
        if self._terminal:
            await self._terminal.write(text)
        elif self._process and (stdin := self._process.stdin):
            with contextlib.suppress(ConnectionError, RuntimeError):  # the program has closed its input
                stdin.write(text)
                await stdin.drain()

    async def _end_of_input(self) -> None:
        if self._terminal:
            await self._terminal.write(END_OF_INPUT)
        elif self._process and (stdin := self._process.stdin):
            stdin.close()

    def _resize(self, text: bytes) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            size = json.loads(text)
            if self._terminal:
                self._terminal.resize(size["Width"], size["Height"])


async def _exit_code(process: asyncio.subprocess.Process) -> int:
    """Return the exit code as soon as a process ends.

    `wait` alone can also wait for pipes that its children hold open.
    """
    waiting = asyncio.create_task(process.wait())
    try:
        while process.returncode is None:
            await asyncio.wait([waiting], timeout=0.1)
    finally:
        waiting.cancel()
    return process.returncode


def _ended(code: int) -> dict:
    """Return the metav1.Status of an exit code, as kubectl expects it.

    A signal counts as 128 plus its number.
    """
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    code = 128 - code if code < 0 else code
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _failed_to_start(program: str, error: OSError) -> dict:
    why = "executable file not found in $PATH" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
    return {
        "metadata": {},
        "status": "Failure",
        "message": f'Internal error occurred: error executing command in container: exec: "{program}": {why}',
        "reason": "InternalError",
        "details": {"causes": [{"message": why}]},
        "code": 500,
    }
