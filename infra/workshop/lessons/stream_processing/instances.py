"""Instances of a job: processes that can be killed, with a state folder each."""

from __future__ import annotations

import inspect
import pickle
import shutil
import signal
import subprocess
import tempfile
import textwrap
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.kafka.handle import Kafka
from workshop.lessons.stream_processing.applications import CONSUMER
from workshop.lessons.stream_processing.instance import Job
from workshop.stack.streams.environment import python

PATIENCE = 180.0  # seconds
MODULE = "workshop.lessons.stream_processing.instance"


class Instance:
    """A process that runs one instance of a job; `with` stops it at the end of the block."""

    def __init__(self, ws: Kafka, group: str, build: Callable, *arguments: object, **options: Any) -> None:
        """Start the process.

        Args:
            build: a function of the notebook that builds the job: `build(app, *arguments)`.
            options: more settings of `quixstreams.Application`.
        """
        self.ws, self.group = ws, group
        self.folder = Path(tempfile.mkdtemp(prefix="workshop-instance-"))
        self.state = self.folder / "state"
        self._source, self._name = textwrap.dedent(inspect.getsource(build)), build.__name__
        self._arguments, self._options = arguments, options
        self._process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Start the process again, with the same group and the same state folder."""
        usual = {
            "consumer_group": self.group,
            "auto_offset_reset": "earliest",
            "state_dir": str(self.state),
            "consumer_extra_config": dict(CONSUMER),
            "loglevel": "WARNING",
        }
        job = Job(self._source, self._name, self._arguments, self.ws.confluent(), usual | self._options)
        file = self.folder / "job"
        file.write_bytes(pickle.dumps(job))
        with (self.folder / "log").open("ab") as log:
            command = [str(python(Settings.load())), "-P", "-m", MODULE, str(file)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill the process (`kill -9`): it cannot store or send anything more."""
        self._end(signal.SIGKILL)
        print(f"process {self.pid} was killed (SIGKILL)")

    def delete_state(self) -> None:
        """Delete the local state, as if the process had to move to another machine."""
        shutil.rmtree(self.state)

    def halt(self) -> None:
        """Stop the process in order; `start` continues."""
        self._end(signal.SIGTERM)

    def stop(self) -> None:
        """Stop the process in order, and delete its files."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def check(self) -> None:
        """Report a process that has ended by itself.

        Raises:
            WorkshopError: it has; the detail is the end of its log.
        """
        assert self._process is not None
        if self._process.poll() is not None:
            log = (self.folder / "log").read_text(errors="replace").strip().splitlines()
            raise WorkshopError(
                f"The instance with pid {self.pid} has ended.", "The end of its log is below.", "\n".join(log[-4:])
            )

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def wait_until_read(instances: Iterable[Instance], topic: str, share: float = 1.0) -> int:
    """Wait until the group of these instances has committed a share of a topic's records; return the number committed."""
    every = list(instances)
    ws, group = every[0].ws, every[0].group
    found: list[int] = []

    def read() -> bool:
        for one in every:
            one.check()
        done, total = committed(ws, group, topic)
        found.append(done)
        return done >= share * total

    wait_until(read, PATIENCE, f"the group {group} to read {share:.0%} of the topic", every=0.2)
    return found[-1]


def committed(ws: Kafka, group: str, topic: str) -> tuple[int, int]:
    """Return how many records of a topic a group has committed, and how many there are."""
    with closing(KafkaConsumer(**ws.kafka, group_id=group, enable_auto_commit=False)) as consumer:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        return sum(consumer.committed(place) or 0 for place in places), sum(consumer.end_offsets(places).values())
