"""What `kubectl exec` asks for, and how the end of a program is told; `node_api/test_exec.py` runs programs."""

from __future__ import annotations

import asyncio
import errno

import pytest
from multidict import MultiDict
from node_agent.kubelet_api import exec_socket
from node_agent.kubelet_api.exec_socket import Wanted


def of(*pairs: tuple[str, str]) -> Wanted:
    return Wanted.of(MultiDict(pairs))


def test_the_words_of_a_command_stay_in_order():
    found = of(("command", "sh"), ("output", "1"), ("command", "-c"), ("command", ""))
    assert found == Wanted(("sh", "-c", ""), stdin=False, stdout=True, stderr=False, tty=False)


def test_streams_have_the_names_of_both_apis():
    short = of(("command", "sh"), ("input", "1"), ("output", "1"), ("error", "1"))
    long = of(("command", "sh"), ("stdin", "true"), ("stdout", "true"), ("stderr", "true"))
    assert short == long == Wanted(("sh",), stdin=True, stdout=True, stderr=True, tty=False)


def test_a_terminal_has_no_stream_of_errors():
    assert not of(("command", "sh"), ("stdout", "1"), ("stderr", "1"), ("tty", "1")).stderr


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("stdout", "1")], "must specify a command"),
        ([("command", "sh")], "at least 1 of stdin, stdout, stderr"),
        ([("command", "sh"), ("stdout", "0")], "at least 1 of"),
        ([("command", "sh"), ("stderr", "1"), ("tty", "1")], "at least 1 of"),
    ],
)
def test_a_query_that_asks_for_nothing_is_refused(pairs: list[tuple[str, str]], said: str):
    with pytest.raises(ValueError, match=said):
        of(*pairs)


@pytest.mark.parametrize(("code", "told"), [(1, "1"), (255, "255"), (-9, "137"), (-15, "143")])
def test_an_exit_code_is_told_and_a_signal_as_shells_have_it(code: int, told: str):
    status = exec_socket._ended(code)
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": told}]
    assert status["message"].endswith(told)


def test_a_program_that_succeeded_has_no_message():
    assert exec_socket._ended(0) == {"metadata": {}, "status": "Success"}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file"), "executable file not found in $PATH"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError("without a number"), "without a number"),
    ],
)
def test_a_program_that_cannot_be_started_is_told_with_the_reason(error: OSError, why: str):
    status = exec_socket._failed_to_start("prog", error)
    assert status["message"].endswith(f'exec: "prog": {why}')
    assert status["code"] == 500


def test_the_end_of_a_program_is_seen_although_its_child_holds_its_pipe_open():
    async def scenario() -> None:
        script = "sleep 60 & echo $!; exit 5"
        process = await asyncio.create_subprocess_exec("sh", "-c", script, stdout=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(20):
                assert process.stdout is not None
                child = int(await process.stdout.readline())
                assert await exec_socket._exit_code(process) == 5
        finally:
            await (await asyncio.create_subprocess_exec("kill", str(child))).wait()
            await process.communicate()  # until the pipe is closed; `wait` alone would leave it open

    asyncio.run(scenario())
