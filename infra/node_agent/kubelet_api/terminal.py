"""Pseudo-terminal between a program and a remote client: the side that this process reads and writes."""

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
    """A pseudo-terminal; `inner` is the file descriptor for the program.

    Close it here after the program has started.
    """

    def __init__(self) -> None:
        self._outer, self.inner = pty.openpty()
        os.set_blocking(self._outer, False)

    def close_inner(self) -> None:
        """Close this process's copy of the inner side, so that the program's end is detected."""
        if self.inner >= 0:
            os.close(self.inner)
            self.inner = -1

    def close(self) -> None:
        """Hang up; the system sends SIGHUP to the programs in the terminal."""
        self.close_inner()
        if self._outer >= 0:
            outer, self._outer = self._outer, -1
            os.close(outer)

    def resize(self, columns: int, rows: int) -> None:
        """Set the size of the terminal."""
        with contextlib.suppress(OSError, struct.error):
            fcntl.ioctl(self._outer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def read(self) -> bytes:
        """Return output of the program; empty after the last process has closed the inner side."""
        while self._outer >= 0:
            try:
                return os.read(self._outer, CHUNK)
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _once(self._outer, loop.add_reader, loop.remove_reader)
            except OSError:  # EIO: the last process has closed it
                break
        return b""

    async def write(self, text: bytes) -> None:
        """Write input for the program."""
        while text and self._outer >= 0:
            try:
                text = text[os.write(self._outer, text) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _once(self._outer, loop.add_writer, loop.remove_writer)
            except OSError:
                return


async def _once(descriptor: int, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    """Wait until a descriptor is readable or writable."""
    ready = asyncio.Event()
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
