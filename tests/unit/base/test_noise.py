"""Nothing that Python or a library prints by itself reaches a user: streams, hooks, system errors, damaged files."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from workshop.base import endpoints as endpoints_file
from workshop.base import incidents, learner_progress
from workshop.base.external_site import kept
from workshop.base.files import read_record
from workshop.base.ports import first_of
from workshop.base.settings import Settings
from workshop.base.system_errors import explained
from workshop.stack import interactive_shell
from workshop.stack.brokers import runtime

# The command's first lines as they are, around work of the test's own; so no library is loaded that does not take part.
PROGRAM = """
import sys, types, workshop
from workshop.cli import entry
def work():
{code}
workshop.cli.main = sys.modules["workshop.cli.main"] = types.SimpleNamespace(main=work)
sys.exit(entry.main())
"""
NOISE = ("Traceback", "Exception ignored", "Logging error", "Warning")
DAMAGED = (
    b"",
    b'{"kafka": {"boot',
    b"\x00\xff\xfe\x80",
    b"[1, 2]",
    b'"x"',
    b"7",
    b'{"kafka": 5, "lab": 3, "backend": []}',
)


def run(code: str, state: Path, *redirections: str, **env: str) -> tuple[int, str]:
    """A program that prepares itself as the command does; returns its exit code and all that it printed."""
    script = state / "program.py"
    state.mkdir(exist_ok=True)
    script.write_text(PROGRAM.format(code=code))
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" "$1" {" ".join(redirections)}', sys.executable, str(script)],
        env={**os.environ, "WORKSHOP_STATE": str(state), **env},
        capture_output=True,
        timeout=120,
        check=False,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert [word for word in NOISE if word in said] == [], said
    return done.returncode, said


def log(state: Path) -> str:
    return (state / "logs" / "errors.log").read_text()


def test_an_unexpected_error_is_two_sentences_and_its_details_are_in_a_log(tmp_path: Path):
    code, said = run("    return {}['lost']", tmp_path)
    assert code == 1
    assert said.splitlines() == [
        "Unexpected error: KeyError: 'lost'.",
        "→ `workshop logs errors` shows the details; `workshop doctor` examines the machine and the stack.",
    ]
    assert "Traceback" in log(tmp_path)
    assert "program.py" in log(tmp_path)


def test_without_a_place_for_the_details_the_sentence_names_none(tmp_path: Path):
    (tmp_path / "logs").write_text("a file where the folder is to be")
    assert "workshop logs" not in run("    return {}['lost']", tmp_path)[1]


def test_an_incomplete_environment_says_how_it_is_made_anew(tmp_path: Path):
    code, said = run("    import no_such_package", tmp_path)
    assert (code, "Delete .venv, then run ./infra/bootstrap.sh" in said) == (1, True)


@pytest.mark.parametrize(
    "code",
    [
        "    class A:\n        def __del__(self): raise OSError('late')\n    A()",
        "    import logging\n    logging.getLogger('aiohttp.client').error('late')",
        "    import asyncio\n    async def f(): raise OSError('late')\n    async def g():\n"
        "        t = asyncio.create_task(f())\n        await asyncio.wait([t])\n    asyncio.run(g())",
    ],
    ids=["finalizer", "library's logger", "task that nobody awaits"],
)
def test_what_libraries_say_in_the_background_goes_into_the_log(tmp_path: Path, code: str):
    assert run(code, tmp_path) == (0, "")
    assert "late" in log(tmp_path)


def test_a_thread_that_ends_is_one_sentence(tmp_path: Path):
    thread = "    import threading\n    def f(): raise ValueError('why')\n    t = threading.Thread(target=f)\n"
    assert run(f"{thread}    t.start(); t.join()", tmp_path)[1].startswith(
        "A background thread ended: ValueError: why."
    )


def test_warnings_of_libraries_are_not_shown_nor_made_errors(tmp_path: Path):
    for setting in ("default", "error"):
        code = "    import warnings\n    warnings.warn('old', DeprecationWarning)"
        assert run(code, tmp_path, PYTHONWARNINGS=setting) == (0, "")


def test_what_the_interpreter_says_while_it_ends_is_not_shown(tmp_path: Path):
    late = "    import atexit, sys\n    atexit.register(lambda: 1 / 0)\n    atexit.register(print, 'late')\n"
    assert run(late, tmp_path) == (0, "")


def test_a_ctrl_c_that_python_drops_in_a_finalizer_comes_again(tmp_path: Path):
    code = (
        "    import time\n    class A:\n        def __del__(self): raise KeyboardInterrupt\n    A()\n"
        "    from workshop.base import interruptions\n    interruptions.install()\n    time.sleep(60)"
    )
    assert run(code, tmp_path)[0] == 130


def test_signs_that_an_encoding_lacks_are_written_in_another_way(tmp_path: Path):
    code = "    print('✓ série → « prêt » … ☃')"
    assert run(code, tmp_path, PYTHONIOENCODING="ascii") == (0, '+ serie -> " pret " ... ?\n')
    assert run(code, tmp_path, PYTHONIOENCODING="utf-8") == (0, "✓ série → « prêt » … ☃\n")
    assert run(code, tmp_path, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C")[0] == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_with_closed_streams_it_works_and_files_do_not_take_their_place(tmp_path: Path, closed: str):
    code = f"    import os; os.chdir({str(tmp_path)!r}); f = open('mine', 'w')\n"
    code, _ = run(f"{code}    print('out'); print('err', file=sys.stderr); f.write('x')\n", tmp_path, closed)
    assert code == 0
    assert (tmp_path / "mine").read_text() == "x"


def test_a_full_disk_behind_stdout_is_an_exit_code_and_no_noise(tmp_path: Path):
    if Path("/dev/full").exists():
        assert run("    print('x')", tmp_path, ">/dev/full")[0] == 1


def test_a_reader_that_has_left_ends_the_command_as_sigpipe_does(tmp_path: Path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(code="    for _ in range(10_000): print('x' * 100)"))
    program = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    program.stdout.close()
    with program.stderr:
        assert program.stderr.read() == b""
    assert program.wait(60) == 128 + 13


@pytest.mark.parametrize(
    ("number", "fact"),
    [
        (errno.ENOSPC, "The disk is full: there."),
        (errno.EROFS, "The file system is read-only: there."),
        (errno.EACCES, "Permission denied: there."),
        (errno.EMFILE, "Too many files are open."),
        (errno.EISDIR, "The operating system reports: Is a directory: there."),
    ],
)
def test_what_the_system_refuses_is_a_fact_and_a_command(number: int, fact: str):
    error = explained(OSError(number, os.strerror(number), "there"))
    assert error.happened == fact
    assert "`" in error.next_step


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_of_the_state_folder_counts_as_none(settings: Settings, content: bytes):
    (settings.state / "kafka").mkdir(parents=True)
    for name in ("endpoints.json", "progress.json", "site.json", "kafka/ports.json"):
        (settings.state / name).write_bytes(content)
    assert endpoints_file.read(settings) == {}
    assert first_of(settings.state / "kafka/ports.json") is None
    assert isinstance(read_record(settings.state / "progress.json"), dict)
    assert isinstance(learner_progress.read(settings), dict)
    assert kept(settings.state) is None


def test_a_whole_file_is_read(settings: Settings):
    settings.state.mkdir(parents=True)
    endpoints = {"backend": "local", "kafka": {"bootstrap_servers": ["127.0.0.1:1"]}, "lab": {"port": 2}}
    settings.endpoints_file.write_text(json.dumps(endpoints))
    assert endpoints_file.read(settings) == endpoints
    (settings.state / "ports.json").write_text('{"first": 19090}')
    assert first_of(settings.state / "ports.json") == 19090


def test_a_lost_cluster_id_is_found_in_the_brokers_data(tmp_path: Path):
    assert runtime.formatted_for(tmp_path) == ""
    (tmp_path / "node-2" / "data").mkdir(parents=True)
    (tmp_path / "node-2" / "data" / "meta.properties").write_text("version=1\ncluster.id=abc-_9\nnode.id=2\n")
    assert runtime.formatted_for(tmp_path) == "abc-_9"


def test_the_command_works_in_a_folder_that_was_deleted(tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    settings = "from workshop.base.settings import Settings; print(Settings.load().state)"
    program = f'cd "$1" && rmdir "$1" && "$0" -P -c "{settings}"'
    for state, seen in ((str(tmp_path), tmp_path / "local"), ("relative", gone / "relative" / "local")):
        gone.mkdir(exist_ok=True)
        words = ["/bin/sh", "-c", program, sys.executable, str(gone)]
        env = {**os.environ, "WORKSHOP_STATE": state}
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.strip() == str(seen), done.stderr


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_users_own_start_file_cannot_hide_the_tools(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, shell: str
):
    home = settings.state / "person"
    home.mkdir(parents=True)
    for name in (".bashrc", "own"):
        (home / name).write_text("PATH=/usr/bin:/bin\nMINE=kept\nexport KUBECONFIG=/home/me/production\n")
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    env = {"PATH": "/the/tools:/usr/bin:/bin", "HOME": str(home), "ENV": str(home / "own"), "KUBECONFIG": "/our own"}
    interactive_shell.write_start_file(settings, env)
    words = interactive_shell.command(settings, env)
    typed = 'echo "$PATH $MINE $(printenv KUBECONFIG)"; exit\n'
    done = subprocess.run(words, env=env, input=typed, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "/the/tools:/usr/bin:/bin kept /our own"


@pytest.mark.parametrize(("shell", "used"), [("/bin/bash", "/bin/bash"), ("/usr/bin/fish", "/bin/sh"), ("", "/bin/sh")])
def test_one_command_line_runs_by_a_shell_that_reads_it(shell: str, used: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHELL", shell)
    words = interactive_shell.once("echo $PATH", {"PATH": "/the tools:/usr/bin:/bin"})
    assert words[0] == used
    done = subprocess.run(["/bin/sh", *words[1:]], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "/the tools:/usr/bin:/bin\n"


def test_brief_names_an_error_once():
    assert incidents.brief(ValueError()) == "ValueError"
    assert incidents.brief(ValueError("it is so.\nand more")) == "ValueError: it is so"
    assert incidents.brief(ValueError("ValueError: it")) == "ValueError: it"
