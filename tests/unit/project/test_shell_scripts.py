"""Shell scripts take folders of any name; the programs that they call are replaced by ones that show what they were given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

INFRA = Path(__file__).resolve().parents[3] / "infra"
SHOW = '#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done\n'


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_options_for_kafka_acls_are_passed_on_word_by_word(tmp_path: Path) -> None:
    shows = program(tmp_path / "a folder with a space" / "kafka-acls", SHOW)
    options = ["--command-config", "/of an/admin's.properties"]
    done = subprocess.run(
        [str(INFRA / "deploy/existing/acls.sh"), "alice", "alice-", *options],
        env={**os.environ, "KAFKA_ACLS": str(shows)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    words = done.stdout.splitlines()
    assert words.count("--add") == 3
    assert [words[at + 1] for at, word in enumerate(words) if word == options[0]] == [options[1]] * 3
    assert [words[at + 1] for at, word in enumerate(words) if word in ("--topic", "--group", "--transactional-id")] == [
        "alice-"
    ] * 3


def test_the_command_starts_whatever_the_users_shell_tells_pythons(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('another library')")
    odd = {"PYTHONHOME": "/nowhere", "PYTHONPATH": str(tmp_path), "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error"}
    words = [str(Path(sys.prefix) / "bin/workshop"), "--help"]
    done = subprocess.run(words, env={**os.environ, **odd}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: workshop")


def test_where_an_engine_answers_is_told_as_a_shell_reads_it(tmp_path: Path) -> None:
    program(tmp_path / "docker", "#!/bin/sh\n")  # an engine that answers
    where = 'unix:///of an/it\'s "$HOME"/docker.sock'
    env = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "DOCKER_HOST": where}
    script = 'told=$("$0" start /nowhere); unset DOCKER_HOST; eval "$told"; printf %s "$DOCKER_HOST"'
    command = ["sh", "-c", script, str(INFRA / "deploy/kind/engine.sh")]
    assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout == where
