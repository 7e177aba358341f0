"""Programs that a node runs in a container: their streams, their end, a terminal, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys

import pytest

from .stack import EXEC, Stack, all_of, lives, until


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_program_runs_and_its_streams_and_exit_code_are_told(run, protocol):
    async def scenario(stack: Stack) -> None:
        found = await stack.exec(["sh", "-c", "echo out; echo err >&2; exit 3"], protocol=protocol)
        assert (found.stdout, found.stderr) == (b"out\n", b"err\n")
        assert found.status["reason"] == "NonZeroExitCode"
        assert found.status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        assert found.protocol == protocol
        assert (await stack.exec(["true"])).status == {"metadata": {}, "status": "Success"}
        killed = await stack.exec(["sh", "-c", "kill -9 $$"])
        assert killed.status["details"]["causes"][0]["message"] == "137"

    run(scenario)


def test_what_is_typed_arrives_and_its_end_too(run):
    async def scenario(stack: Stack) -> None:
        socket = await stack.socket(["cat"], stdin=True)
        text = random.randbytes(300_000)
        for start in range(0, len(text), 30_000):
            await socket.send_bytes(b"\0" + text[start : start + 30_000])
        await socket.send_bytes(b"\xff\0")
        found = await all_of(socket)
        assert found.stdout == text
        assert found.status["status"] == "Success"

    run(scenario)


def test_much_output_arrives_whole_although_the_client_is_slow(run):
    async def scenario(stack: Stack) -> None:
        socket = await stack.socket([sys.executable, "-c", "print('x' * 5_000_000)"])
        await asyncio.sleep(1.5)
        assert (await all_of(socket)).stdout == b"x" * 5_000_000 + b"\n"

    run(scenario)


def test_what_runs_on_in_the_background_is_not_waited_for(run):
    async def scenario(stack: Stack) -> None:
        found = await stack.exec(["sh", "-c", "sleep 30 & echo $!"])  # a scenario may take 20 s
        os.kill(int(found.stdout), 9)
        assert found.status["status"] == "Success"

    run(scenario)


def test_a_program_that_is_not_there_is_a_sentence(run):
    async def scenario(stack: Stack) -> None:
        found = await stack.exec(["no-such-program"])
        assert found.status["reason"] == "InternalError"
        assert 'exec: "no-such-program": executable file not found in $PATH' in found.status["message"]

    run(scenario)


def test_a_terminal_has_a_size_echoes_and_passes_ctrl_c_on(run):
    async def scenario(stack: Stack) -> None:
        # It sleeps in short pieces: a signal just before a sleep shows only after it.
        program = "import os, time; x = input(); print(*os.get_terminal_size(), 'got', x)\nwhile True: time.sleep(0.1)"
        socket = await stack.socket([sys.executable, "-c", program], stdin=True, tty=True)
        await socket.send_bytes(b'\x04{"Width": 101, "Height": 33}')
        await socket.send_bytes(b"\0hello\r")
        seen = b""
        while b"101 33 got hello\r\n" not in seen:
            seen += (await socket.receive_bytes())[1:]
        assert b"hello\r\n" in seen  # the echo
        await socket.send_bytes(b"\0\x03")
        found = await all_of(socket)
        assert found.status["details"]["causes"][0]["message"] == "130"

    run(scenario)


def test_a_program_ends_when_its_client_goes_away(run):
    async def scenario(stack: Stack) -> None:
        for rude in (False, True):
            socket = await stack.socket(["sh", "-c", "echo $$; sleep 60"], stdin=True)
            number = b""
            while not number.endswith(b"\n"):
                number += (await socket.receive_bytes())[1:]
            if rude:
                socket._response.connection.transport.abort()
            else:
                await socket.close()
            await until(lambda number=int(number): not lives(number))

    run(scenario)


def test_what_is_not_done_says_so(run):
    async def scenario(stack: Stack) -> None:
        for path in ("/attach/workshop/web-1/web", "/portForward/workshop/web-1", "/run/workshop/web-1/web"):
            status, text = await stack.get(
                path, method="POST", headers={"Upgrade": "SPDY/3.1", "Connection": "Upgrade"}
            )
            assert status == 501
            assert json.loads(text)["message"].endswith(".")
        status, text = await stack.get(EXEC, method="POST", command="true", output="1")
        assert (status, json.loads(text)["reason"]) == (501, "NotImplemented")

    run(scenario)


def test_exec_that_cannot_be_is_refused_at_once(run):
    async def scenario(stack: Stack) -> None:
        assert (await stack.get(EXEC, output="1"))[0] == 400
        assert (await stack.get(EXEC, command="true"))[0] == 400
        stack.container.pid = None
        status, text = await stack.get(EXEC, command="true", output="1")
        assert status == 404
        assert json.loads(text)["message"] == 'container not found ("web"): it does not run'

    run(scenario)
