"""What the node agent starts dies with it, whatever happens to it; and its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from node_agent.kubelet.container import Container
from node_agent.processes import process_tree
from workshop.base import timer_slack

SUPERVISOR = [
    sys.executable,
    "-I",
    "-S",
    str(Path(__file__).resolve().parents[3] / "infra/workshop/base/supervisor.py"),
]


def test_a_process_dies_with_the_one_that_started_it() -> None:
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from node_agent.processes import process_tree\n"
        "async def main():\n"
        "    child = await process_tree.start(['sleep', '600'], {'PATH': '/usr/bin:/bin'}, Path('/'))\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    until = time.monotonic() + 30
    while _lives(int(done.stdout)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _lives(int(done.stdout))


@pytest.mark.skipif(sys.platform != "linux", reason="timer slack is Linux'")
def test_what_a_late_agent_starts_is_not_late() -> None:
    async def shown() -> bytes:
        with timer_slack.inherited(0.1):
            own = Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text()
            process = await process_tree.start(
                ["cat", "/proc/self/timerslack_ns"], {"PATH": "/usr/bin:/bin"}, Path("/"), stdout=subprocess.PIPE
            )
        assert int(own) == 100_000_000
        return (await process.communicate())[0]

    assert int(asyncio.run(shown())) == timer_slack.USUAL


def test_a_name_that_is_no_program_is_not_found_whatever_a_folder_of_the_path_hides(tmp_path: Path) -> None:
    (tmp_path / "kafcat").write_text(
        "no program"
    )  # as a folder that may not be read: the system says "permission denied"
    start = process_tree.start(["kafcat"], {"PATH": f"{tmp_path}:/usr/bin:/bin"}, Path("/"))
    with pytest.raises(FileNotFoundError, match="kafcat"):
        asyncio.run(start)
    with pytest.raises(PermissionError):
        asyncio.run(process_tree.start([str(tmp_path / "kafcat")], {}, Path("/")))


def test_a_container_has_told_its_end_when_who_stops_it_goes_on() -> None:
    class SlowLog:
        async def copy(self, reader: asyncio.StreamReader, stream: str) -> None:
            await reader.read()
            await asyncio.sleep(0.2)

    async def life() -> Container:
        pod = SimpleNamespace(has_inits=False, folder=Path("/"), uid="u", note=lambda *_, **__: None)
        pod.changed, pod.mark = lambda: None, lambda name: ("WORKSHOP_POD", f"none/{name}")
        one = Container(pod, {"name": "deaf"})
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = await process_tree.start(
            ["sh", "-c", "trap '' TERM; echo deaf; sleep 600"], dict(os.environ), Path("/"), **pipes
        )
        assert await process.stdout.readline() == b"deaf\n"  # from here on it is
        living = asyncio.create_task(one._live(process, SlowLog(), "then"))
        await asyncio.sleep(0)
        await one.stop(0.1)
        living.cancel()  # as the pod does then
        await asyncio.wait((living,))
        return one

    assert asyncio.run(life()).exit_code() == 137


def test_a_new_process_is_seen_by_who_may_live_with_an_old_answer() -> None:
    before = process_tree.whole(os.getpid(), max_age=1e-9)
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            assert child.pid not in before
            assert child.pid in process_tree.whole(os.getpid(), max_age=1e-9)
            assert child.pid not in process_tree.whole(child.pid, max_age=1e-9)[1:]
        finally:
            child.kill()
    assert child.pid not in process_tree.whole(os.getpid(), max_age=1e-9)


def test_the_supervisor_ends_what_its_program_left_and_starts_it_again(tmp_path: Path) -> None:
    script = 'sleep 600 & echo $! >>"$0/left"; exec sleep 601'
    supervisor = subprocess.Popen([*SUPERVISOR, "sh", "-c", script, str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        first = _wait_for_lines(tmp_path / "left", 1)[0]
        program = next(one for one in process_tree.children_of_all()[supervisor.pid] if one != first)
        os.kill(program, signal.SIGKILL)
        second = _wait_for_lines(tmp_path / "left", 2)[1]
        assert not _lives(first)
        assert _lives(second)
    finally:
        supervisor.terminate()
        supervisor.wait(30)
    assert not _lives(second)


def test_the_supervisor_gives_up_on_a_program_that_never_runs(tmp_path: Path) -> None:
    script = 'echo tried >>"$0/tries"; sleep 600 & echo $! >>"$0/left"; exit 3'
    program = ["sh", "-c", script, str(tmp_path)]
    done = subprocess.run([*SUPERVISOR, *program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "ended 3 times right after its start" in done.stderr
    assert (tmp_path / "tries").read_text().split() == ["tried"] * 3
    assert not any(_lives(int(number)) for number in (tmp_path / "left").read_text().split())


def _wait_for_lines(file: Path, count: int) -> list[int]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if file.exists() and len(lines := file.read_text().split()) >= count:
            return [int(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(f"{file} has not {count} lines")


def _lives(process: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
