"""Reading of log files that grow, and can be rotated, while they are read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

CHUNK = 64 * 1024
POLL = 0.2  # seconds between two reads of a followed file


class GrowingFile:
    """A file that is read by complete lines from the byte `start`; it can be missing at first."""

    def __init__(self, path: Path, start: int) -> None:
        self._path, self._rest = path, b""
        self._file: BinaryIO | None = None
        self._open(start)

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None

    async def chunks(self, ended: Callable[[], bool] | None) -> AsyncIterator[bytes]:
        """Yield complete lines until the end.

        Args:
            ended: returns whether the file is complete; until then, reading waits at its end. None: do not wait.
        """
        looks = 0  # two reads after the writer's end, because its last lines can arrive late
        while True:
            looks += ended is None or ended()
            while (chunk := self._next()) is not None:
                if chunk:
                    yield chunk
                await asyncio.sleep(0)
            if ended is None or looks > 1:
                return
            await asyncio.sleep(POLL)

    def _next(self) -> bytes | None:
        """Return the next complete lines, possibly none; None at the end."""
        replaced = self._was_replaced()  # checked first: after a rotation, nothing is added to the old file
        read = self._file.read(CHUNK) if self._file else b""
        if not read:
            if not replaced:
                return None
            self.close()
            self._open(0)
            return b""
        whole, end, self._rest = (self._rest + read).rpartition(b"\n")
        return whole + end

    def _open(self, start: int) -> None:
        try:
            self._file = self._path.open("rb")
            self._file.seek(start)
        except FileNotFoundError:
            self._file = None

    def _was_replaced(self) -> bool:
        try:
            number = self._path.stat().st_ino
        except FileNotFoundError:
            return False
        return self._file is None or os.fstat(self._file.fileno()).st_ino != number


def last_lines(file: Path, wanted: int) -> tuple[int, int]:
    """Return the offset of the last `wanted` lines of a file, and the number of lines found."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            return _last_lines(opened, size, wanted) if wanted > 0 else (size, 0)
    except FileNotFoundError:
        return 0, 0


def _last_lines(opened: BinaryIO, size: int, wanted: int) -> tuple[int, int]:
    found, position = 0, max(0, size - 1)  # the last byte ends the last line
    while position > 0:
        begin = max(0, position - CHUNK)
        opened.seek(begin)
        block = opened.read(position - begin)
        cut = len(block)
        while (cut := block.rfind(b"\n", 0, cut)) >= 0:
            found += 1
            if found == wanted:
                return begin + cut + 1, found
        position = begin
    return 0, found + bool(size)
