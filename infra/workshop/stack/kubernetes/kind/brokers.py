"""The brokers in the cluster: their settings as a ConfigMap, and a line to each by which it is killed, frozen and mended."""

from __future__ import annotations

import select
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from workshop.base.errors import WorkshopError
from workshop.base.settings import NODES, Ports, Settings
from workshop.kafka.properties import in_cluster, pod_name, server_properties
from workshop.stack.brokers import runtime
from workshop.stack.kubernetes.kubectl import NAMESPACE, program

INTERNAL = ",".join(f"{pod_name(node)}:9092" for node in NODES)
ANSWER_TIMEOUT = 20  # seconds
CONTROL = ["bash", "/opt/kafka/control-broker.sh"]


def settings_map(settings: Settings, ports: Ports, cluster_id: str) -> dict:
    """The ConfigMap `kafka`: each node's server.properties, and the cluster's identity."""
    common = (settings.root / "infra/deploy/kafka/broker.properties").read_text()
    files = {f"node-{node}.properties": server_properties(common, in_cluster(node, ports)) for node in NODES}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kafka", "namespace": NAMESPACE},
        "data": {**files, "cluster-id": cluster_id},
    }


def new_cluster_id() -> str:
    """An identity for a new Kafka cluster."""
    return runtime.random_id()


class Control:
    """A line to a broker's container that stays open: a word goes there, the broker's state comes back.

    A new `kubectl exec` for each word would take longer than what lesson 03 measures.
    """

    _open: dict[tuple[str, int], Control] = {}  # noqa: RUF012 - shared on purpose: one line a broker in this process
    _guard = threading.Lock()

    def __init__(self, settings: Settings, node: int) -> None:
        words = ["exec", "--stdin", f"kafka-{node}", "--container=broker", "--", *CONTROL]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # In a session of its own, so that a Ctrl-C that interrupts a cell does not cut the line by which it is mended.
        self._kubectl = subprocess.Popen([*program(settings), *words], **pipes, start_new_session=True)
        self._lock = threading.Lock()

    @classmethod
    def tell(cls, settings: Settings, node: int, word: str) -> str:
        """Say a word to a broker; returns its state: `running`, `paused` or `stopped`.

        Raises:
            WorkshopError: its pod is not there or does not answer.
        """
        place = (str(settings.kubeconfig), node)
        for attempt in (1, 2):  # a line may be one of a pod that is gone: then a new one is laid, once
            with cls._guard:
                fresh = place not in cls._open
                line = cls._open.setdefault(place, cls(settings, node)) if fresh else cls._open[place]
            try:
                return line._ask(word)
            except BaseException as error:
                with cls._guard:
                    if cls._open.get(place) is line:
                        del cls._open[place]
                line._close()
                if not isinstance(error, Exception):
                    raise
                if fresh or attempt == 2:
                    raise WorkshopError(
                        f"Broker {node}'s pod does not answer.", "`workshop up` repairs the stack."
                    ) from error
        raise AssertionError("unreachable")

    def _ask(self, word: str) -> str:
        """One word there, one line back; the lines are so short that each comes whole."""
        assert self._kubectl.stdin  # pipes, as above
        assert self._kubectl.stdout
        with self._lock:
            self._kubectl.stdin.write(f"{word}\n".encode())
            self._kubectl.stdin.flush()
            there, _, _ = select.select([self._kubectl.stdout], [], [], ANSWER_TIMEOUT)
            answer = self._kubectl.stdout.readline().decode().strip() if there else ""
        if not answer:
            raise ConnectionError("no answer")
        return answer

    def _close(self) -> None:
        """End the line; harmless if another thread has ended it."""
        self._kubectl.kill()
        for pipe in filter(None, (self._kubectl.stdin, self._kubectl.stdout)):
            with suppress(OSError):
                pipe.close()
        self._kubectl.wait()


def states(settings: Settings) -> dict[int, str]:
    """The state of each broker, all asked at once; one whose pod does not answer counts as stopped."""

    def ask(node: int) -> str:
        try:
            return Control.tell(settings, node, "state")
        except WorkshopError:
            return "stopped"

    with ThreadPoolExecutor(len(NODES)) as pool:
        return dict(zip(NODES, pool.map(ask, NODES), strict=True))
