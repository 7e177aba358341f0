"""A machine without a network: a bundle is made, and started in a network namespace with only the loopback interface."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workshop.base.settings import Settings
from workshop.stack.bundle import carried, wheels

ROOT = Path(__file__).resolve().parents[2]
ALONE = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"]
# Enable the loopback interface, and check that there is no route.
ROOM = 'set -eu; ip link set lo up; [ -z "$(ip route show)" ]; exec "$@"'


def why_not() -> str:
    """Return why a network namespace is not available here; empty if it is."""
    if sys.platform != "linux" or not shutil.which("unshare") or not shutil.which("ip"):
        return "there is no `unshare` or no `ip`"
    done = subprocess.run([*ALONE, "sh", "-c", ROOM, "sh", "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


@pytest.fixture(autouse=True)
def checkout() -> None:
    commit = ["git", "-C", str(ROOT), "rev-parse", "--verify", "HEAD"]
    if (done := subprocess.run(commit, capture_output=True, text=True, check=False)).returncode:
        pytest.skip(f"NOT RUN: a bundle contains the last commit, and git has none here: {done.stderr.splitlines()[0]}")


@pytest.fixture
def alone(tmp_path: Path):
    """Return a function that runs a command in a network namespace.

    The command has an empty home folder and none of the suite's variables.
    """
    if reason := why_not():
        pytest.skip(f"NOT RUN: no network namespace can be made here ({reason}), so `up --bundle` was not tried.")
    home = tmp_path / "home"
    home.mkdir()
    python = Path(sys.base_prefix) / "bin" / f"python{wheels.own_python()}"
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TMPDIR": str(tmp_path)}
    env |= {"WORKSHOP_PYTHON": str(python), "WORKSHOP_KUBERNETES": "off", "WORKSHOP_PATIENCE": "240"}

    def run(*words: object, **more: str) -> subprocess.CompletedProcess:
        command = [*ALONE, "sh", "-c", ROOM, "sh", *map(str, words)]
        return subprocess.run(command, env={**env, **more}, capture_output=True, text=True, timeout=500, check=False)

    return run


def make(place: Path) -> None:
    command = [sys.executable, "-m", "workshop.cli.main", "bundle", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr


def test_a_machine_without_a_network_starts_from_a_stick(alone, tmp_path: Path):
    stick, project = tmp_path / "USB stick", tmp_path / "project"
    make(stick)
    jar = next(path for path in (stick / "cache").rglob("kafka-clients-*.jar"))
    whole = jar.read_bytes()

    # A damaged jar is reported before anything is started.
    jar.write_bytes(whole[:-1] + b"!")
    done = alone("sh", stick / "start.sh", project, "--no-lab")
    assert done.returncode == 1
    assert f"{jar.relative_to(stick)} of the bundle {stick} is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / ".workshop" / "components").exists()

    # After the repair, the same command continues. `down` runs in the network namespace of the brokers.
    jar.write_bytes(whole)
    life = (
        'sh "$0/start.sh" "$1" --no-lab && cd "$1" && w=.venv/bin/workshop && $w up --no-lab --bundle "$0" && $w down'
    )
    done = alone("sh", "-c", life, stick, project)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("first event read back") >= 2
    assert "Stopped kafka-1, kafka-2, kafka-3" in done.stdout

    # The cache has the files of the bundle, byte by byte, and Kubernetes' program is executable.
    cache = tmp_path / "home" / ".cache" / "kafka-kubernetes-workshop"
    bundle = carried.opened(str(stick))
    for path in bundle.within(carried.CACHE):
        assert carried.sha256(cache / path.removeprefix("cache/")) == bundle.sums[path]
    for path in bundle.facts["programs"]:
        assert os.access(cache / path.removeprefix("cache/"), os.X_OK)


def test_an_interrupted_bundle_is_refused_and_can_be_continued(tmp_path: Path):
    place = tmp_path / "stick"
    make(place)
    files = {path: path.stat().st_mtime_ns for path in (place / "wheels").iterdir()}
    (place / carried.SUMS).unlink()
    with pytest.raises(carried.Refused, match="is not finished"):
        carried.opened(str(place))
    (place / "wheels" / "left_over-1-py3-none-any.whl").touch()
    make(place)
    assert files == {path: path.stat().st_mtime_ns for path in (place / "wheels").iterdir()}
    carried.check(bundle := carried.opened(str(place)), bundle.sums)
    carried.must_fit(bundle, Settings.load().root)
