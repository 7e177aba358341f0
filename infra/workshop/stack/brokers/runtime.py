"""Files that brokers need before they start, created once and kept in the cache folder.

These are the jars, the checkpoint of a formatted log folder, and an ahead-of-time cache (JEP 514). To record that cache, a
single broker is started, used briefly and stopped. Later starts then take about half the time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from workshop.base.environment import only
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import KAFKA_VERSION, Settings
from workshop.kafka.properties import escaped, meta_properties
from workshop.stack.brokers import jars
from workshop.stack.toolchain.java import Java

BROKER_CLASS = "kafka.Kafka"
STORAGE_CLASS = "kafka.tools.StorageTool"
TRAINING_TIMEOUT = 120.0
ALONE = {
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
}


@dataclass(frozen=True)
class Runtime:
    """Everything that is needed to start a node."""

    java: Java
    jars: tuple[Path, ...]
    checkpoint: Path
    aot_cache: Path | None
    log_settings: Path

    def command(self, main: str, *arguments: str, flags: tuple[str, ...] = (), scratch: Path) -> tuple[str, ...]:
        """Return the argument list that runs one of Kafka's main classes.

        Args:
            flags: additional flags for Java.
            scratch: the folder for Java's temporary files.
        """
        aot = (f"-XX:AOTCache={self.aot_cache}",) if self.aot_cache else ()
        system = (f"-Djava.io.tmpdir={scratch}", f"-Dlog4j2.configurationFile={self.log_settings}")
        class_path = os.pathsep.join(map(str, self.jars))
        return (str(self.java.path), *self.java.flags, *aot, *flags, *system, "-cp", class_path, main, *arguments)


def environment(scratch: Path) -> dict[str, str]:
    """Return a broker's environment, without the user's Java variables, which could change its start."""
    # Java opens files whose path has non-ASCII characters only in a UTF-8 locale.
    return {
        **only("PATH", "TZ"),
        "LC_ALL": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
    }


def random_id() -> str:
    """Return a random id in Kafka's format: a UUID in URL-safe base64 that does not begin with a dash."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def folder(settings: Settings) -> Path:
    """Return the folder of all these files in the cache."""
    return settings.cache / f"kafka-{KAFKA_VERSION}"


def fetch_jars(settings: Settings, progress: Callable[[int], None]) -> tuple[Path, ...]:
    """Download the jars; return their paths in class path order."""
    return tuple(jars.fetch(settings, folder(settings) / "libs", progress))


def prepare(settings: Settings, java: Java, libs: tuple[Path, ...]) -> Runtime:
    """Return the runtime with the files that exist; `train` creates the missing ones."""
    key = _key(settings, java, libs)
    aot = folder(settings) / f"broker-{key}.aot"
    return Runtime(
        java=java,
        jars=libs,
        checkpoint=folder(settings) / "bootstrap.checkpoint",
        aot_cache=aot if java.has_aot_cache and aot.exists() else None,
        log_settings=settings.root / "infra/deploy/kafka/log4j2.properties",
    )


def is_trained(settings: Settings, runtime: Runtime) -> bool:
    """Return whether all files exist; a cache that Java does not support or cannot write is optional."""
    settled = runtime.aot_cache or not runtime.java.has_aot_cache or _gave_up(settings, runtime).exists()
    return runtime.checkpoint.exists() and bool(settled)


def cache_fits(runtime: Runtime, scratch: Path) -> bool:
    """Return whether Java accepts the ahead-of-time cache; True if there is none."""
    if runtime.aot_cache is None:
        return True
    command = runtime.command(BROKER_CLASS, "--version", flags=("-XX:AOTMode=on",), scratch=scratch)
    done = subprocess.run(command, env=environment(scratch), capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def train(settings: Settings, runtime: Runtime, note: Callable[[str], None] = lambda text: None) -> Runtime:
    """Create the checkpoint by formatting a log folder, and the ahead-of-time cache by a run of a broker.

    Brokers also start without the ahead-of-time cache, only slower. If it cannot be made, `note` is called with the reason.
    """
    folder(settings).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder(settings), prefix="training.") as scratch:
        broker = _Trainee(settings, runtime, Path(scratch))
        broker.format()
        write_atomically(runtime.checkpoint, broker.checkpoint.read_bytes())
        if runtime.java.has_aot_cache:
            try:
                broker.run().replace(_aot_file(settings, runtime))
            except (WorkshopError, OSError, subprocess.SubprocessError) as error:
                _gave_up(settings, runtime).touch()  # do not try again at every start
                note(f"The ahead-of-time cache could not be made ({error}); brokers start more slowly without it.")
    return prepare(settings, runtime.java, runtime.jars)


def format_folder(data: Path, runtime: Runtime, cluster_id: str, node: int) -> None:
    """Format a log folder like `kafka-storage format`, but without starting Java.

    A folder that is already formatted is left unchanged.
    """
    if (data / "meta.properties").exists():
        return
    write_atomically(data / "bootstrap.checkpoint", runtime.checkpoint.read_bytes())
    write_atomically(data / "meta.properties", meta_properties(cluster_id, node, random_id()))


def formatted_for(folder: Path) -> str:
    """Return the cluster id in the brokers' formatted log folders; empty if none is formatted."""
    for file in sorted(folder.glob("node-*/data/meta.properties")):
        if found := re.search(r"^cluster\.id=(\S+)$", file.read_text(errors="replace"), re.MULTILINE):
            return found[1]
    return ""


def _aot_file(settings: Settings, runtime: Runtime) -> Path:
    return folder(settings) / f"broker-{_key(settings, runtime.java, runtime.jars)}.aot"


def _gave_up(settings: Settings, runtime: Runtime) -> Path:
    return _aot_file(settings, runtime).with_suffix(".none")


def _key(settings: Settings, java: Java, libs: tuple[Path, ...]) -> str:
    # Without the path of Java: the same build in another folder, such as a second checkout, can use the same cache.
    # With the jars' modification times, because Java compares them.
    times = [str(jar.stat().st_mtime_ns) for jar in libs]
    parts = [(settings.root / jars.KAFKA.lock).read_text(), java.version, platform.machine(), *java.flags, *times]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


class _Trainee:
    """A single broker in a scratch folder, started to create the checkpoint and the ahead-of-time cache."""

    def __init__(self, settings: Settings, runtime: Runtime, scratch: Path) -> None:
        self.runtime, self.scratch = runtime, scratch
        self.port, controller = _two_free_ports()
        self.properties = scratch / "server.properties"
        common = (settings.root / "infra/deploy/kafka/broker.properties").read_text()
        own = ALONE | {
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "log.dirs": escaped(scratch / "data"),
        }
        self.properties.write_text(common + "".join(f"{key}={value}\n" for key, value in own.items()))

    @property
    def checkpoint(self) -> Path:
        return self.scratch / "data" / "bootstrap.checkpoint"

    def format(self) -> None:
        arguments = ("format", "-t", random_id(), "-c", str(self.properties))
        command = self.runtime.command(STORAGE_CLASS, *arguments, scratch=self.scratch)
        done = subprocess.run(
            command,
            env=environment(self.scratch),
            capture_output=True,
            text=True,
            timeout=TRAINING_TIMEOUT,
            check=False,
        )
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise WorkshopError("Kafka's StorageTool could not format a folder.", "Run `workshop doctor`.", tail)

    def run(self) -> Path:
        """Run the broker; return the ahead-of-time cache that it wrote at its end."""
        cache = self.scratch / "broker.aot"
        flags = (f"-XX:AOTCacheOutput={cache}",)
        command = self.runtime.command(BROKER_CLASS, str(self.properties), flags=flags, scratch=self.scratch)
        with (self.scratch / "log").open("wb") as log:
            broker = subprocess.Popen(
                command, env=environment(self.scratch), stdout=log, stderr=log, start_new_session=True
            )
            try:
                self._use(broker)
                broker.terminate()
                broker.wait(TRAINING_TIMEOUT)
            finally:
                if broker.poll() is None:
                    broker.kill()
                    broker.wait()
        if not cache.exists():
            raise WorkshopError("Java wrote no cache.")
        return cache

    def _use(self, broker: subprocess.Popen) -> None:
        """Publish and read records, so that the ahead-of-time cache contains the classes for them."""
        from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

        from workshop.kafka.closing import closing_soon
        from workshop.kafka.repairs import client

        client.apply()
        deadline = time.monotonic() + TRAINING_TIMEOUT
        while not _accepts(self.port):
            if broker.poll() is not None or time.monotonic() > deadline:
                raise WorkshopError("The broker in training did not start.")
            time.sleep(0.1)
        address = {"bootstrap_servers": f"127.0.0.1:{self.port}"}
        with closing(KafkaAdminClient(**address)) as admin:
            admin.create_topics({"training": {"num_partitions": 1, "replication_factor": 1}})
        with closing_soon(KafkaProducer(**address, transactional_id="training", max_block_ms=30_000)) as producer:
            producer.init_transactions()
            producer.begin_transaction()
            for _ in range(200):
                producer.send("training", key=b"key", value=b"value" * 20)
            producer.commit_transaction()
        options = {"group_id": "training", "auto_offset_reset": "earliest", "consumer_timeout_ms": 5_000}
        with closing(KafkaConsumer("training", **address, **options)) as consumer:
            next(iter(consumer), None)
            consumer.commit()


def _two_free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
