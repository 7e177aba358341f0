"""The recipe above the backends: what `up`, `down`, `status` and `reset` do, written once."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from workshop import deploy, environment, kafka_access, kubernetes_later, lab, progress, topics
from workshop.backends import Backend, choose, made_here
from workshop.backends.local_kubernetes import AGENT, PLANE
from workshop.cdc import stack as cdc
from workshop.controlplane import progress as compiling
from workshop.errors import WorkshopError
from workshop.faults import Brokers
from workshop.files import locked, write_atomically
from workshop.kafka_probe import registered_brokers
from workshop.processes import Processes, Waiting, nobody, shown
from workshop.settings import NODES, Settings
from workshop.timeline import Timeline

KEPT_BY_RESET = ("backups", "lock")
BROKERS = [f"kafka-{node}" for node in NODES]


def up(
    settings: Settings, timeline: Timeline, *, with_lab: bool = True, keep: bool = False, more: str | None = None
) -> dict:
    """Bring the stack up, or repair it; harmless if it runs.

    Args:
        with_lab: start JupyterLab too.
        keep: leave what was started if something fails, to look at it.
        more: `cdc` for PostgreSQL and Kafka Connect too.

    Returns:
        The endpoints, as `workshop.connect()` reads them.
    """
    with _alone(settings):
        environment.make_folders(settings)
        backend, why = choose(settings)
        timeline.say(f"backend {backend.name}: {why}")
        with _undone_on_failure(settings, backend, keep):
            backend.up(timeline)
            if with_lab:
                lab.start(settings, backend.ports().lab)
            if backend.owns_brokers:
                with timeline.step("three brokers registered"):
                    backend.ready()
            endpoints = {"backend": backend.name, **backend.endpoints(), "lab": {"port": backend.ports().lab}}
            with timeline.step("first event read back"):
                kafka = kafka_access.client(endpoints["kafka"])
                topics.create(kafka, topics.STORY)
                smoke_test(kafka)
            if backend.owns_brokers:
                _spread_leaders(Brokers(backend, kafka), settings, timeline)
            if backend.has_kubernetes:
                with timeline.step("Kubernetes' nodes ready"):
                    backend.kubernetes_ready()
                with timeline.step("services ready"):
                    deploy.services(settings, backend.inside(), backend.secret())
                backend.expose(timeline)
            if more == "cdc":
                cdc.up(settings, backend.ports(), endpoints["kafka"], timeline)
            write_atomically(settings.endpoints_file, json.dumps(endpoints, indent=1))
            if with_lab:
                with timeline.step("JupyterLab answers"):
                    lab.wait(settings, backend.ports().lab)
    return endpoints


def down(settings: Settings, waiting: Waiting = nobody) -> list[str]:
    """Stop everything; the data stay.

    Args:
        waiting: see `Processes.stop`.

    Returns:
        The names of what was stopped.
    """
    with _alone(settings):
        return _stop_all(settings, waiting)


def reset(settings: Settings, waiting: Waiting = nobody) -> None:
    """Stop everything and delete what it stored; what an attendee wrote, and backups of it, stay."""
    with _alone(settings):
        made_here(settings).reset()
        _stop_all(settings, waiting)
        for entry in settings.state.iterdir():
            if entry.name in KEPT_BY_RESET:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def smoke_test(kafka: dict) -> None:
    """Publish one event and read that very event back.

    Raises:
        WorkshopError: one or the other did not work.
    """
    content = uuid.uuid4().bytes
    try:
        topics.create(kafka, [topics.Topic("workshop-check", partitions=1, configs={"retention.ms": "3600000"})])
        with _closed_whatever_happens(KafkaProducer(**kafka, acks="all", max_block_ms=20_000)) as producer:
            written = producer.send("workshop-check", value=content).get(timeout=20)
        with _closed_whatever_happens(KafkaConsumer(**kafka, consumer_timeout_ms=20_000)) as consumer:
            partition = TopicPartition("workshop-check", written.partition)
            consumer.assign([partition])
            consumer.seek(partition, written.offset)
            read = next(iter(consumer), None)
    except KafkaError as error:
        said = str(error).rstrip(".")
        raise WorkshopError(
            f"Kafka runs but refused the first event: {said}.", "`workshop doctor` looks why."
        ) from error
    if read is None or read.value != content:
        raise WorkshopError("The first event was written but not read back.", "`workshop doctor` looks why.")


def _spread_leaders(brokers: Brokers, settings: Settings, timeline: Timeline) -> None:
    try:
        with timeline.step("leaders spread"):
            brokers.settle(settings.patience / 3)
    except WorkshopError as error:  # one sick topic does not hinder the others
        timeline.say(error.happened)


@contextmanager
def _closed_whatever_happens(client):
    try:
        yield client
    finally:
        with suppress(KafkaError):
            limit = {"timeout": 2} if isinstance(client, KafkaProducer) else {"timeout_ms": 2_000}
            client.close(**limit)


def status(settings: Settings) -> dict:
    """What runs: one entry a component, what Kafka says of itself, and the attendee's progress."""
    running = Processes(settings.state).running()
    endpoints = read_endpoints(settings)
    components = made_here(settings).components()
    components[lab.NAME] = shown(running.get(lab.NAME))
    components |= {name: shown(running[name]) for name in sorted(running) if name not in components}
    kafka = endpoints.get("kafka", {})
    needed = [name for name in (PLANE, AGENT) if name in components]
    alive = any(component["state"] != "stopped" for component in components.values())
    registered = registered_brokers(kafka_access.client(kafka)) if kafka and alive else set()
    expected = set(NODES) if made_here(settings).owns_brokers else registered
    return {
        "backend": endpoints.get("backend"),
        "components": components,
        "kafka": {**kafka, "registered": sorted(registered)},
        "kubernetes": _what_is_coming(components, settings),
        "ready": bool(registered)
        and registered == expected
        and all(components[name]["state"] == "running" for name in needed),
        "progress": progress.read(settings),
    }


def _what_is_coming(components: dict[str, dict], settings: Settings) -> str:
    """How far Kubernetes' build is, or why it failed; empty where nothing is built."""
    goes_on = kubernetes_later.NAME in components
    failed = PLANE not in components and compiling.read(settings).get("state") == "failed"
    return kubernetes_later.sentence(settings) if goes_on or failed else ""


def read_endpoints(settings: Settings) -> dict:
    """What the last `up` wrote, or nothing."""
    try:
        return json.loads(settings.endpoints_file.read_text())
    except (OSError, ValueError):
        return {}


def _stop_all(settings: Settings, waiting: Waiting) -> list[str]:
    stopped = _stop_in_order(Processes(settings.state), waiting)
    return stopped + [name for name in made_here(settings).down() if name not in stopped]


def _stop_in_order(processes: Processes, waiting: Waiting = nobody, spared: Iterable[str] = ()) -> list[str]:
    """Stop what runs, except `spared`: Kafka's clients first, as each of them says good-bye to brokers that answer."""
    running = sorted(set(processes.running()) - set(spared))
    stopped = processes.stop([name for name in running if name not in BROKERS], waiting=waiting)
    return stopped + processes.stop([name for name in running if name in BROKERS], waiting=waiting)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    with locked(settings.state / "lock", settings.patience, "is bringing this stack up or down"):
        yield


@contextmanager
def _undone_on_failure(settings: Settings, backend: Backend, keep: bool) -> Iterator[None]:
    """Stop what was started in here if it fails; what ran before goes on."""
    processes = Processes(settings.state)
    before = set(processes.running())
    try:
        yield
    except BaseException:
        if not keep:
            _stop_in_order(processes, spared=before)
            backend.undo()
        raise
