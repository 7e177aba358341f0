"""Log files that may grow, and be set aside for a fresh one, while they are read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

CHUNK = 64 * 1024
POLL = 0.2  # seconds between two looks at a file that is followed


class GrowingFile:
    """A file, read by whole lines from the byte `start` on; it need not be there yet."""

    def __init__(self, path: Path, start: int) -> None:
        self._path, self._rest = path, b""
        self._file: BinaryIO | None = None
        self._open(start)

    def close(self) -> None:
        """Close what is open."""
        if self._file:
            self._file.close()
            self._file = None

    async def chunks(self, ended: Callable[[], bool] | None) -> AsyncIterator[bytes]:
        """Whole lines until the end.

        Args:
            ended: whether nothing more will be written; until then, the end is waited at.
        """
        looks = 0  # after the writer's end: what it wrote last may be under way still
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
        """The next whole lines, if any; None at the end."""
        replaced = self._was_replaced()  # asked first: what is read after that is all that the old file will ever have
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
    """Where the last lines of a file begin, and how many of those wanted it has."""
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
