"""The backend `local`: states and signals of brokers, its cluster's id, and advice. No broker is started."""

from __future__ import annotations

import json
import signal
from types import SimpleNamespace

import pytest
from workshop.base.diagnosis import diagnose
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.stack.backends import local
from workshop.stack.backends.local import Local


@pytest.fixture
def backend(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Local:
    """A backend without Kubernetes, of which nothing runs."""
    made = Local(settings)
    monkeypatch.setattr(Processes, "running", lambda processes: {})
    made.folder.mkdir(parents=True)
    return made


def start_of_block(backend: Local, first: int = 20_000) -> None:
    (backend.folder / "ports.json").write_text(json.dumps({"first": first}))


def test_without_a_block_of_ports_nothing_was_started(backend: Local):
    with pytest.raises(WorkshopError, match=r"No stack was started here yet\. Run `workshop up`"):
        backend.ports()


def test_pods_and_notebooks_reach_the_same_brokers(backend: Local):
    start_of_block(backend)
    bootstrap = backend.endpoints()["kafka"]["bootstrap_servers"]
    assert len(bootstrap) == 3
    assert backend.inside() == {"KAFKA_BOOTSTRAP": ",".join(bootstrap)}
    assert set(backend.endpoints()) == {"kafka"}


@pytest.mark.parametrize(
    ("act", "number"),
    [("kill_broker", signal.SIGKILL), ("pause_broker", signal.SIGSTOP), ("resume_broker", signal.SIGCONT)],
)
def test_a_fault_is_a_signal_to_one_broker(
    backend: Local, act: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
):
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(Processes, "signal", lambda processes, name, number: sent.append((name, number)))
    getattr(backend, act)(2)
    assert sent == [("kafka-2", number)]


def test_brokers_that_do_not_run_are_stopped(backend: Local):
    assert backend.broker_states() == {1: "stopped", 2: "stopped", 3: "stopped"}
    assert backend.components() == {f"kafka-{node}": {"state": "stopped"} for node in (1, 2, 3)}
    assert not backend.runs()


def test_the_id_of_the_cluster_is_made_once_and_a_damaged_one_anew(backend: Local):
    assert not backend.was_made()
    first = backend._cluster_id()
    assert backend._cluster_id() == first
    assert backend.was_made()
    backend._cluster_id_file.write_text("damaged \x00")
    assert local.CLUSTER_ID.fullmatch(backend._cluster_id())


def test_the_id_that_the_brokers_data_have_is_kept(backend: Local, monkeypatch: pytest.MonkeyPatch):
    known = "A" * 22
    monkeypatch.setattr(local.runtime, "formatted_for", lambda folder: known)
    assert backend._cluster_id() == known


def test_missing_brokers_are_named_and_their_work_is_progress(backend: Local, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "work_of", lambda processes: len(list(processes)))
    seen = backend._seen({1, 3}, "listening")
    assert (seen.missing, seen.mark, seen.answer) == ("broker 2 to be listening (2 of 3)", 1, None)
    assert backend._seen({1, 2, 3}, "listening").answer


def test_a_broker_that_died_is_told_with_advice_and_without_its_stack_trace(backend: Local):
    log = backend.processes.log("kafka-1")
    log.parent.mkdir(parents=True)
    log.write_text("ERROR Exiting\n\tat org.apache.Kafka\njava.net.BindException: Address already in use\n")
    with pytest.raises(WorkshopError, match="kafka-1 ended right after its start") as died:
        backend._all_alive()
    assert died.value.detail == "ERROR Exiting\njava.net.BindException: Address already in use"
    assert died.value.next_step.startswith("A port was taken")


@pytest.mark.parametrize(
    ("log", "advice"),
    [
        ("No space left on device", "The disk is full"),
        (
            "java.lang.OutOfMemoryError: Java heap space",
            "It used all of the memory that a broker may use: it has too many",
        ),
        ("java.lang.OutOfMemoryError: unable to create native thread", "There is not enough memory"),
        ("java.util.zip.ZipException", "A jar may be damaged"),
        ("anything", "`workshop logs kafka-2`"),
    ],
)
def test_each_known_error_has_its_advice(log: str, advice: str):
    assert diagnose(log, local.ENDED, name="kafka-2").advice.startswith(advice)


def test_brokers_whose_folder_was_taken_away_are_ended(backend: Local, monkeypatch: pytest.MonkeyPatch):
    stopped: list[list[str]] = []
    monkeypatch.setattr(Processes, "running", lambda processes: {"kafka-1": SimpleNamespace()})
    monkeypatch.setattr(Processes, "stop", lambda processes, names, **more: stopped.append(list(names)))
    assert backend._running_here() == {}
    assert stopped == [["kafka-1", "kafka-2", "kafka-3"]]


def test_brokers_that_were_frozen_go_on(backend: Local, monkeypatch: pytest.MonkeyPatch):
    start_of_block(backend)
    backend._cluster_id()
    sent: list[int] = []
    broker = SimpleNamespace(send_signal=sent.append)
    monkeypatch.setattr(Processes, "running", lambda processes: {"kafka-1": broker, "lab": broker})
    assert backend._running_here() == {"kafka-1": broker}
    assert sent == [signal.SIGCONT]


def test_it_runs_on_linux_and_macos_only(backend: Local, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local.sys, "platform", "darwin")
    assert backend.available() == ""
    monkeypatch.setattr(local.sys, "platform", "win32")
    assert "WSL2" in backend.available()


@pytest.mark.parametrize(
    ("built", "state", "seen", "good"),
    [
        (True, {}, "its control plane is built", True),
        (False, {}, "still to be compiled", True),
        (False, {"state": "failed"}, "still to be compiled", False),
    ],
)
def test_the_doctor_is_told_whether_kubernetes_is_compiled(
    settings: Settings, built: bool, state: dict, seen: str, good: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local, "is_wanted", lambda settings: True)
    monkeypatch.setattr(local, "is_built", lambda settings: built)
    monkeypatch.setattr(local.compiling, "read", lambda settings: state)
    (found,) = local.Local(settings).examine("")
    assert seen in found.seen
    assert found.good == good
    monkeypatch.setattr(local, "is_wanted", lambda settings: False)
    assert list(local.Local(settings).examine("")) == []
