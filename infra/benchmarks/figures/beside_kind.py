"""Start of `workshop up` without Docker, and of `kind create cluster` with an application, measured alternately.

It needs Docker, the node image and the services' image. Each kind cluster has one node; its application is two small HTTP
servers from a local image. `workshop up` starts three brokers, Kubernetes with three nodes, and the services, from an empty
folder. Both measurements end when all pods are ready.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.kind import images
from workshop.stack.kubernetes.kind.binary import kind_binary

from benchmarks.bench_pods import WEB, deployment
from benchmarks.measuring import Values, timed

STACK = "none"  # two backends, measured alternately
FIGURES = {"workshop up": "s", "kind create cluster": "s", "with an application": "s"}
CLUSTER = f"beside-{uuid.uuid4().hex[:8]}"  # unique, because the cluster is always deleted at the end


def measure(run: int) -> Values:
    """Start a stack, then a kind cluster with an application."""
    settings = Settings.load()
    kind = kind_binary(settings, Timeline())
    node_image = images.bring_node_image(settings)
    images.build(settings, Timeline())
    yield "workshop up", _local()
    cluster, both = _kind(settings, kind, node_image)
    yield "kind create cluster", cluster
    yield "with an application", both


def _local() -> float:
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "WORKSHOP_STATE": folder, "WORKSHOP_BACKEND": "local"}
        try:
            return timed(env, "up", "--no-lab")
        finally:
            timed(env, "reset")


def _kind(settings: Settings, kind: Path, node_image: str) -> tuple[float, float]:
    """Return the seconds until the node is ready, and until the application is."""
    with tempfile.TemporaryDirectory() as folder:
        there = replace(settings, state=Path(folder))
        named = ["--name", CLUSTER, "--kubeconfig", str(there.kubeconfig)]
        began = time.perf_counter()
        try:
            _run(kind, "create", "cluster", *named, "--image", node_image, "--wait", "180s")
            cluster = time.perf_counter() - began
            _run(kind, "load", "docker-image", images.SERVICES, "--name", CLUSTER)
            kubectl.kubectl(there, "create", "namespace", kubectl.NAMESPACE)
            kubectl.apply(there, [deployment("beside", WEB, 2)])
            waiting = ["rollout", "status", "deployment/beside", "--timeout=180s", f"--namespace={kubectl.NAMESPACE}"]
            kubectl.kubectl(there, *waiting, timeout=200)
            return cluster, time.perf_counter() - began
        finally:
            _run(kind, "delete", "cluster", *named)


def _run(kind: Path, *words: str) -> None:
    subprocess.run([str(kind), *words], check=True, capture_output=True)
