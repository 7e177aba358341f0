"""The doctor: what it finds of machine, folders and stack, and its hints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.stack import doctor


def by_name(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.what: finding for finding in findings}


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Processes, "running", lambda processes: {})
    local = SimpleNamespace(owns_brokers=True, needs_docker=False, components=dict, examine=lambda kubernetes: ())
    kind = SimpleNamespace(owns_brokers=True, needs_docker=True)
    monkeypatch.setattr(doctor, "made_here", lambda settings: local)
    monkeypatch.setattr(doctor, "in_question", lambda settings: [kind if settings.backend == "kind" else local])


@pytest.mark.parametrize(
    ("free", "kubernetes", "good"),
    [(2.4e9, True, False), (2.6e9, True, True), (1.6e9, False, True), (1e9, False, False)],
)
def test_memory_is_enough_or_not_with_kubernetes_and_without(
    settings: Settings, free: float, kubernetes: bool, good: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    found = by_name(doctor._machine(replace(settings, kubernetes=kubernetes)))["memory"]
    assert found.good == good
    assert "are needed" in found.next_step


def test_a_stack_that_runs_needs_little_more_memory(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=0.6e9))
    monkeypatch.setattr(Processes, "running", lambda processes: {"kafka-1": None})
    assert by_name(doctor._machine(settings))["memory"].good


def test_a_folder_that_is_not_there_yet_is_judged_by_its_parent(settings: Settings, tmp_path: Path):
    made = replace(settings, home=tmp_path / "a/b/c", cache=tmp_path)
    found = by_name(doctor._folders(made))
    assert found["state folder"].good
    assert doctor._existing_parent(tmp_path / "a/b/c") == tmp_path


def test_a_folder_that_may_not_be_written_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    found = by_name(doctor._folders(settings))["cache folder"]
    assert not found.good
    assert "not writable" in found.seen
    assert "WORKSHOP_CACHE" in found.next_step


def test_a_full_disk_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5e8))
    assert "0.5 GB free" in by_name(doctor._folders(settings))["state folder"].seen
    assert not by_name(doctor._folders(settings))["state folder"].good


def stack(
    settings: Settings, components: dict[str, str], registered: list[int], monkeypatch: pytest.MonkeyPatch
) -> dict:
    state = {
        "components": {name: {"state": state} for name, state in components.items()},
        "kafka": {"registered": registered},
        "kubernetes": "",
    }
    monkeypatch.setattr(doctor.lifecycle, "status", lambda settings: state)
    monkeypatch.setattr(doctor, "_docker", lambda settings: iter(()))
    return by_name(doctor._stack(replace(settings, kubernetes=False)))


def test_a_stack_that_does_not_run_is_no_error(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    found = stack(settings, {"kafka-1": "stopped", "lab": "stopped"}, [], monkeypatch)
    assert found["stack"].good
    assert "ports" in found


def test_a_broker_that_is_missing_is_told_and_lab_may_be_away(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    found = stack(settings, {"kafka-1": "running", "kafka-2": "stopped", "lab": "stopped"}, [1], monkeypatch)
    assert not found["kafka-2"].good
    assert found["lab"].good
    assert not found["brokers registered"].good
    assert found["brokers registered"].seen == "[1]"


def test_ports_that_are_all_taken_are_told(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    def none(settings: Settings) -> None:
        raise WorkshopError("No block is free.", "Set WORKSHOP_FIRST_PORT.")

    monkeypatch.setattr(doctor, "free_block", none)
    assert doctor._ports(settings) == Finding(False, "ports", "No block is free.", "Set WORKSHOP_FIRST_PORT.")


def test_a_repository_that_does_not_answer_is_told_with_the_settings(settings: Settings):
    found = doctor._repository(replace(settings, maven="http://127.0.0.1:9/maven2"))
    assert not found.good
    assert "http://127.0.0.1:9/maven2 does not answer" in found.seen
    assert "WORKSHOP_MAVEN" in found.next_step


@pytest.mark.parametrize(("backend", "good"), [("auto", True), ("kind", False)])
def test_an_engine_is_missed_only_where_it_is_needed(
    settings: Settings, backend: str, good: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doctor.engine, "answers", lambda: "no engine answers")
    (found,) = doctor._docker(replace(settings, backend=backend))
    assert found.good == good


def test_a_stack_of_others_is_examined_by_its_backend_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    seen = Finding(True, "rights in Kafka", "all that lessons need")
    elsewhere = SimpleNamespace(owns_brokers=False, examine=lambda kubernetes: [seen])
    monkeypatch.setattr(doctor, "in_question", lambda settings: [elsewhere])
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=0.6e9))
    assert list(doctor._stack(settings)) == [seen]
    assert by_name(doctor._machine(settings))["memory"].good  # brokers need no memory here
