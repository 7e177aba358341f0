"""Run a stream processing job as a process of its own; `instances` starts and kills such processes.

Usage: python -m workshop.lessons.stream_processing.instance FILE, a pickled `Job`. The process ends when its standard input
is closed, which happens when the notebook's kernel ends in any way.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop.lessons.stream_processing import environment
from workshop.lessons.stream_processing.applications import connection, topic_manager


@dataclass(frozen=True)
class Job:
    """What a process runs.

    Attributes:
        source: the source of the function `name`, which builds the job: `name(app, *arguments)`.
        confluent: the addresses of Kafka, as confluent-kafka's settings.
        options: the other settings of `quixstreams.Application`.
    """

    source: str
    name: str
    arguments: tuple
    confluent: dict[str, Any]
    options: dict[str, Any]


def run(job: Job) -> None:
    """Build and run a job until SIGTERM; again if Kafka does not give it its partitions, as a supervisor would do."""
    from quixstreams.exceptions import PartitionAssignmentError

    for left in reversed(range(ATTEMPTS)):
        try:
            build(job).run()
            break
        except PartitionAssignmentError:  # seen once on a busy machine, with a changelog topic that was new
            if not left:
                raise


def build(job: Job) -> Any:
    """Return the application of a job."""
    from quixstreams import Application

    address = connection(job.confluent)
    manager = topic_manager(address, job.options["consumer_group"])
    app = Application(broker_address=address, topic_manager=manager, **job.options)
    names: dict[str, Any] = {}
    exec(compile(f"{IMPORTS}{job.source}", "job", "exec"), names)  # noqa: S102  # the learner's own code
    names[job.name](app, *job.arguments)
    return app


ATTEMPTS = 3
IMPORTS = "from __future__ import annotations\nimport time\nfrom datetime import timedelta\n"


def end_with_the_kernel() -> None:
    """End this process when its standard input ends."""

    def wait() -> None:
        # Not `sys.stdin.read`: Python cannot end while a thread holds the lock of that object.
        while os.read(0, 1):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    end_with_the_kernel()
    environment.quiet()
    run(pickle.loads(Path(sys.argv[1]).read_bytes()))  # noqa: S301  # written by this user's notebook
