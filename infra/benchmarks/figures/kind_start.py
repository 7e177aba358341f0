"""Start of a kind cluster with brokers and services, memory of its nodes, and size of its images, on clusters of its own.

It needs Docker; the images are present before. The memory is that of the nodes' containers without page cache.
"""

from __future__ import annotations

import os
import tempfile
import time

from workshop.base.settings import Settings
from workshop.stack.kubernetes.kind import engine, images
from workshop.stack.kubernetes.kind.nodes import Nodes

from benchmarks.measuring import Values, timed

STACK = "kind"
FIGURES = {"up": "s", "on a running stack": "s", "memory": "MB", "image of Kafka": "MB", "image of the services": "MB"}


def measure(run: int) -> Values:
    """Create a cluster, and remove it."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "WORKSHOP_STATE": folder, "WORKSHOP_BACKEND": "kind"}
        try:
            yield "up", timed(env, "up", "--no-lab")
            yield "on a running stack", timed(env, "up", "--no-lab")
            time.sleep(20)
            yield "memory", _memory(Nodes(Settings.load(env)).name)
        finally:
            timed(env, "reset")
    for figure, image in (("image of Kafka", images.KAFKA), ("image of the services", images.SERVICES)):
        yield figure, int(engine.docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def _memory(cluster: str) -> float:
    """Return the memory of the nodes' containers without page cache, in MB."""
    used = engine.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *engine.containers(cluster))
    return sum(_megabytes(line.split("/")[0].strip()) for line in used.splitlines())


def _megabytes(text: str) -> float:
    for unit, factor in (("GiB", 1073.7), ("MiB", 1.0486), ("KiB", 0.001)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return 0.0
