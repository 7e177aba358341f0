"""A pseudo-terminal between a real program and its reader."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import subprocess
import termios
from collections.abc import Awaitable, Callable

from node_agent.kubelet_api.terminal import END_OF_INPUT, Terminal


def run(scenario: Callable[[Terminal], Awaitable[None]]) -> None:
    async def bounded() -> None:
        terminal = Terminal()
        try:
            async with asyncio.timeout(30):
                await scenario(terminal)
        finally:
            terminal.close()

    asyncio.run(bounded())


def start(terminal: Terminal, *words: str) -> subprocess.Popen:
    inner = terminal.inner
    program = subprocess.Popen(words, stdin=inner, stdout=inner, stderr=inner, start_new_session=True)
    terminal.close_inner()
    return program


async def read_all(terminal: Terminal) -> bytes:
    found = b""
    while part := await terminal.read():
        found += part
    return found


def test_what_a_program_prints_is_read_until_it_has_ended():
    async def scenario(terminal: Terminal) -> None:
        program = start(terminal, "sh", "-c", "test -t 1 && echo 'on a terminal'; sleep 0.05; echo more")
        assert await read_all(terminal) == b"on a terminal\r\nmore\r\n"
        assert program.wait(10) == 0

    run(scenario)


def test_what_is_typed_reaches_the_program_and_so_does_the_end():
    async def scenario(terminal: Terminal) -> None:
        program = start(terminal, "sh", "-c", "stty -echo; echo ready; cat; echo end")
        said = b""
        while not said.endswith(b"\n"):  # a terminal may hand over a line in two pieces
            said += await terminal.read()
        assert said == b"ready\r\n"
        await terminal.write(b"typed\n")
        await terminal.write(END_OF_INPUT)
        assert await read_all(terminal) == b"typed\r\nend\r\n"
        assert program.wait(10) == 0

    run(scenario)


def size_of(terminal: Terminal) -> tuple[int, int]:
    """Columns and rows, as a program sees them."""
    rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(terminal.inner, termios.TIOCGWINSZ, bytes(8)))
    return columns, rows


def test_the_size_is_told_and_an_impossible_one_is_ignored():
    async def scenario(terminal: Terminal) -> None:
        terminal.resize(132, 43)
        assert size_of(terminal) == (132, 43)
        terminal.resize(-1, 99_999)
        assert size_of(terminal) == (132, 43)

    run(scenario)


def test_a_terminal_that_is_closed_reads_nothing_and_takes_what_is_typed():
    async def scenario(terminal: Terminal) -> None:
        terminal.close()
        terminal.close()
        assert await terminal.read() == b""
        await terminal.write(b"into the void")

    run(scenario)


def test_a_program_whose_terminal_hangs_up_is_told():
    async def scenario(terminal: Terminal) -> None:
        script = "import os, signal, time; os.write(1, b'ready'); time.sleep(60)"
        inner = terminal.inner
        words = ["setsid", "--ctty", "python3", "-c", script]
        program = subprocess.Popen(words, stdin=inner, stdout=inner, stderr=inner)
        terminal.close_inner()
        try:
            assert await terminal.read() == b"ready"
            terminal.close()
            assert await asyncio.to_thread(program.wait, 20) != 0
        finally:
            program.kill()
            program.wait()

    run(scenario)
