"""A terminal between a program and somebody far away: the side on which this process reads and writes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Callable

CHUNK = 32 * 1024
END_OF_INPUT = b"\x04"


class Terminal:
    """A pseudo-terminal; `inner` is the file descriptor for the program, to be closed here once it has it."""

    def __init__(self) -> None:
        self._outer, self.inner = pty.openpty()
        os.set_blocking(self._outer, False)

    def close_inner(self) -> None:
        """Leave the inner side to the program alone, so that its end is noticed."""
        if self.inner >= 0:
            os.close(self.inner)
            self.inner = -1

    def close(self) -> None:
        """Hang up: what runs in it is told so by the system."""
        self.close_inner()
        if self._outer >= 0:
            outer, self._outer = self._outer, -1
            os.close(outer)

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program its size."""
        with contextlib.suppress(OSError, struct.error):
            fcntl.ioctl(self._outer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def read(self) -> bytes:
        """What the program printed; empty once nobody holds the inner side any more."""
        while self._outer >= 0:
            try:
                return os.read(self._outer, CHUNK)
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _once(self._outer, loop.add_reader, loop.remove_reader)
            except OSError:  # EIO: the last one has closed it
                break
        return b""

    async def write(self, text: bytes) -> None:
        """Type."""
        while text and self._outer >= 0:
            try:
                text = text[os.write(self._outer, text) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _once(self._outer, loop.add_writer, loop.remove_writer)
            except OSError:
                return


async def _once(descriptor: int, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    """Wait until a descriptor can be read, or written."""
    ready = asyncio.Event()
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
