"""Logs of containers: written in the CRI format of a kubelet's runtime, and read for `kubectl logs`.

A line of a file is `<time> <stdout or stderr> <F or P> <text>`: F ends a line, P is a part of a very long line.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from node_agent.processes.log_tail import CHUNK, GrowingFile, last_lines

log = logging.getLogger(__name__)

LONGEST = 16 * 1024  # bytes of one piece of a line


class ContainerLog:
    """The log of one attempt of a container; it is rotated to `<path>.1` when it exceeds `limit` bytes."""

    def __init__(self, path: Path, limit: int = 10_000_000) -> None:
        self.path, self.limit = path, limit
        self._file: BinaryIO | None = None
        self._size = 0
        self._copies = 0
        self._failed = False

    async def copy(self, reader: asyncio.StreamReader, stream: str) -> None:
        """Write the output of a stream until its end.

        Args:
            stream: `stdout` or `stderr`.
        """
        self._copies += 1
        rest = b""
        try:
            while chunk := await reader.read(CHUNK):
                pieces, rest = _pieces(rest + chunk)
                self._write(stream, pieces)
        except (OSError, ValueError) as error:
            log.warning("The output for %s cannot be read any more: %s", self.path, error)
        finally:
            self._write(stream, [(b"P", rest)] if rest else [])
            self._copies -= 1
            if not self._copies:
                self._close()

    def _write(self, stream: str, pieces: list[tuple[bytes, bytes]]) -> None:
        """Append pieces; if a write fails (a full disk), they are lost, and the program continues."""
        head = f"{_stamp(time.time_ns())} {stream} ".encode()
        lines = b"".join(b"%b%b %b\n" % (head, tag, text) for tag, text in pieces)
        try:
            if lines:
                self._append(lines)
                self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("%s cannot be written: %s", self.path, error)
            self._failed = True

    def _append(self, lines: bytes) -> None:
        if self._file and self._size > self.limit:
            self._close()
            self.path.replace(older(self.path))
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
            self._size = self._file.tell()
        self._file.write(lines)
        self._size += len(lines)

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def older(path: Path) -> Path:
    """Return the path of a log's rotated part."""
    return path.with_name(path.name + ".1")


def _pieces(text: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Cut text into pieces (tag, text) of at most `LONGEST` bytes; also return the incomplete last line."""
    pieces = []
    *lines, rest = text.split(b"\n")
    for line in lines:
        while len(line) > LONGEST:
            pieces.append((b"P", line[:LONGEST]))
            line = line[LONGEST:]
        pieces.append((b"F", line))
    while len(rest) > LONGEST:
        pieces.append((b"P", rest[:LONGEST]))
        rest = rest[LONGEST:]
    return pieces, rest


def _stamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


async def read(
    paths: list[Path],
    *,
    tail: int | None,
    since: datetime | None,
    timestamps: bool,
    limit_bytes: int | None,
    stream: str | None,
    follow: Callable[[], bool] | None,
) -> AsyncGenerator[bytes, None]:
    """Yield the output of a container in chunks.

    Args:
        paths: the files of its attempts, oldest first; the rotated part of each is read too.
        tail: number of last lines, or None for all.
        since: only output from this time on.
        timestamps: begin each line with its time.
        limit_bytes: maximum number of bytes.
        stream: only `stdout` or `stderr`, or None for both.
        follow: returns whether the container has ended; the last file is read until then. None: do not wait.
    """
    shown = _Shown(timestamps, stream, _stamp(int(since.timestamp() * 1e9)) if since else "")
    left = limit_bytes
    async for chunk in _chunks(paths, tail, follow):
        text = shown.of(chunk)[:left]
        if text:
            yield text
        if left is not None and (left := left - len(text)) <= 0:
            return


async def _chunks(paths: list[Path], tail: int | None, follow: Callable[[], bool] | None) -> AsyncIterator[bytes]:
    """Yield complete lines of the files."""
    files = [file for path in paths for file in (older(path), path)]
    # All at once, before another task runs: none of them can be rotated in between.
    opened = [GrowingFile(file, start) for file, start in zip(files, _starts(files, tail), strict=True)]
    try:
        for file in opened:
            async for chunk in file.chunks(follow if file is opened[-1] else None):
                yield chunk
    finally:
        for file in opened:
            file.close()


def _starts(files: list[Path], tail: int | None) -> list[int]:
    """Return the start offset in each file so that `tail` lines are read in total."""
    if tail is None:
        return [0 for _ in files]
    starts: list[int] = []
    for file in reversed(files):
        start, found = last_lines(file, tail)
        starts.insert(0, start)
        tail -= found
    return starts


class _Shown:
    """Converts lines of a file to the output of `kubectl logs`."""

    def __init__(self, timestamps: bool, stream: str | None, since: str) -> None:
        self._timestamps, self._since = timestamps, since.encode()
        self._stream = stream.encode() if stream else None
        self._begun: set[bytes] = set()  # streams with an unfinished line in the output

    def of(self, chunk: bytes) -> bytes:
        """Return the requested part of these lines."""
        return b"".join(self._of_line(line) for line in chunk.split(b"\n")[:-1])

    def _of_line(self, line: bytes) -> bytes:
        try:
            stamp, stream, tag, text = line.split(b" ", 3)
        except ValueError:  # an incomplete line, written when the disk was full
            return b""
        if stamp < self._since or (self._stream and stream != self._stream):
            return b""
        head = stamp + b" " if self._timestamps and stream not in self._begun else b""
        if tag == b"P":
            self._begun.add(stream)
            return head + text
        self._begun.discard(stream)
        return head + text + b"\n"
