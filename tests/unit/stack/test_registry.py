"""The schema registry: its pinned archive, its command line, and its errors. No registry is started."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from workshop.base import ports as base_ports
from workshop.base.diagnosis import diagnose
from workshop.base.errors import WorkshopError
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.stack.registry import archive, command, recording, server, stack
from workshop.stack.registry.server import ENDED, UP, Registry
from workshop.stack.toolchain.java import Java

PORTS = Ports(20_000)
JAVA = Java(Path("/java"), "25.0.2", 25)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a cache folder of their own."""
    return replace(settings, cache=tmp_path / "cache")


def packed(folder: Path, *names: str) -> Path:
    path = folder / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        for name in names:
            made.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def test_the_archive_is_pinned_by_its_size_and_hash(settings: Settings):
    file = archive.pinned(settings)
    assert archive.VERSION in file.path
    assert (file.size, len(file.sha256)) == (158_577_952, 64)


def test_an_archive_is_unpacked_with_times_that_are_the_same_everywhere(tmp_path: Path):
    archive.unpack(packed(tmp_path, "quarkus-run.jar", "lib/main/a.jar"), tmp_path / "app")
    assert (tmp_path / "app/lib/main/a.jar").stat().st_mtime == archive.FIXED_TIME
    assert [path.name for path in tmp_path.glob(".app*")] == []


def test_a_file_outside_of_the_archives_folder_is_refused_and_nothing_is_left(tmp_path: Path):
    with pytest.raises(tarfile.TarError):
        archive.unpack(packed(tmp_path, "../evil.jar"), tmp_path / "inside" / "app")
    assert not (tmp_path / "evil.jar").exists()
    assert not (tmp_path / "inside" / "app").exists()


def test_an_archive_that_was_unpacked_is_not_unpacked_again(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive, "fetch_all", lambda *about: None)
    monkeypatch.setattr(archive, "unpack", lambda *about: pytest.fail("unpacked again"))
    archive.unpacked(settings).mkdir(parents=True)
    archive.bring(settings, lambda amount: None)
    assert archive.present(settings) == []


def test_transformed_classes_come_before_the_originals(tmp_path: Path):
    for name in ("quarkus/transformed-bytecode.jar", "quarkus/generated-bytecode.jar", "app/x.jar", "lib/main/y.jar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = [path.name for path in archive.class_path(tmp_path)]
    assert names == ["transformed-bytecode.jar", "generated-bytecode.jar", "x.jar", "y.jar"]


def test_it_listens_on_loopback_only_and_stores_in_kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QUARKUS_HTTP_PORT", "1")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx8g")
    env = command.environment(19156, 19157, tmp_path, command.in_kafka(["127.0.0.1:1", "127.0.0.1:2"]))
    assert (env["QUARKUS_HTTP_HOST"], env["QUARKUS_MANAGEMENT_HOST"]) == ("127.0.0.1", "127.0.0.1")
    assert (env["QUARKUS_HTTP_PORT"], env["QUARKUS_MANAGEMENT_PORT"]) == ("19156", "19157")
    assert env["APICURIO_KAFKASQL_BOOTSTRAP_SERVERS"] == "127.0.0.1:1,127.0.0.1:2"
    assert "JAVA_TOOL_OPTIONS" not in env


def test_its_heap_is_the_last_that_is_given(tmp_path: Path):
    argv = command.command(JAVA, tmp_path, tmp_path, "-XX:AOTCache=/c")
    assert [word for word in argv if word.startswith("-Xmx")][-1] == "-Xmx160m"
    assert argv[-1] == archive.MAIN
    assert "-XX:AOTCache=/c" in argv


def test_a_recording_is_used_if_it_exists(settings: Settings):
    assert recording.flags(settings, JAVA) == ()
    made = recording.file(settings, JAVA)
    made.parent.mkdir(parents=True)
    made.touch()
    assert recording.flags(settings, JAVA) == (f"-XX:AOTCache={made}",)
    assert recording.flags(settings, Java(Path("/java"), "25.0.3", 25)) == ()  # another Java needs another recording


def test_a_recording_that_fails_is_told_once_and_not_tried_again(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    archive.folder(settings).mkdir(parents=True)

    def fail(*about: object) -> Path:
        raise WorkshopError("It did not start.")

    monkeypatch.setattr(recording, "_run", fail)
    recording.record(settings, JAVA, told.append)
    recording.record(settings, JAVA, told.append)
    assert len(told) == 1
    assert "starts more slowly" in told[0]


def test_a_taken_port_is_a_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base_ports, "is_free", lambda port: port != PORTS.registry_health)
    with pytest.raises(WorkshopError, match=f"Port {PORTS.registry_health}.*in use.*{UP}"):
        Registry(settings, PORTS).start({"bootstrap_servers": []})


def test_too_little_memory_is_a_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base_ports, "is_free", lambda port: True)
    monkeypatch.setattr(server.psutil, "virtual_memory", lambda: SimpleNamespace(available=100_000_000))
    with pytest.raises(WorkshopError, match="needs 350 MB of memory; 100 MB are available"):
        Registry(settings, PORTS).start({"bootstrap_servers": []})


@pytest.mark.parametrize(
    ("log", "fact"),
    [
        ("Port 19156 seems to be in use by another process", "Its port 19156 was taken"),
        ("java.lang.OutOfMemoryError: Java heap space", "not enough memory"),
        ("write failed: No space left on device", "The disk is full"),
        ("org.apache.kafka.common.errors.TimeoutException: Timed out", "Kafka did not answer"),
        ("something else", ""),
    ],
)
def test_the_log_of_a_registry_that_ended_is_explained(log: str, fact: str):
    assert fact in diagnose(log, ENDED, port=19156, up=UP).fact


def test_a_registry_that_ended_shows_its_log(settings: Settings):
    registry = Registry(settings, PORTS)
    registry.processes.log(server.NAME).parent.mkdir(parents=True)
    registry.processes.log(server.NAME).write_text("No space left on device\n")
    with pytest.raises(WorkshopError, match=r"ended right after its start\. The disk is full"):
        registry._answers()
    assert not registry.runs()
    registry.stop()
    registry.kill()


def test_its_address_is_on_loopback(settings: Settings):
    assert Registry(settings, PORTS).url == "http://127.0.0.1:20006/apis/ccompat/v7"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the parts of the registry are asked for, in order."""
    did: list[str] = []
    monkeypatch.setattr(stack.archive, "provision", lambda settings, timeline: did.append("download"))
    monkeypatch.setattr(stack.recording, "record", lambda settings, java, note: did.append("record"))
    monkeypatch.setattr(stack.java, "find", lambda settings: JAVA)
    monkeypatch.setattr(stack.Registry, "start", lambda self, kafka, tell: did.append("start"))
    monkeypatch.setattr(stack.Registry, "stop", lambda self: did.append("stop"))
    return did


def test_up_downloads_and_starts_and_only_a_prepared_machine_records(settings: Settings, parts: list[str]):
    timeline = Timeline(Console(file=io.StringIO()))
    stack.up(settings, PORTS, {}, timeline)
    stack.down(settings, PORTS)
    assert parts == ["download", "start", "stop"]
    stack.prepare(settings, timeline)
    assert parts[3:] == ["download", "record"]


def test_somebody_elses_kafka_is_left_alone(settings: Settings, parts: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stack, "kept", lambda state: object())
    with pytest.raises(WorkshopError, match="not available with an existing Kafka"):
        stack.up(settings, PORTS, {}, Timeline(Console(file=io.StringIO())))
    assert parts == []
