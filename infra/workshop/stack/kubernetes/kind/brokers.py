"""Brokers in a kind cluster: their ConfigMap, and a connection to each pod for fault injection."""

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
    """Return the ConfigMap `kafka`: each node's server.properties, and the cluster id."""
    common = (settings.root / "infra/deploy/kafka/broker.properties").read_text()
    files = {f"node-{node}.properties": server_properties(common, in_cluster(node, ports)) for node in NODES}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kafka", "namespace": NAMESPACE},
        "data": {**files, "cluster-id": cluster_id},
    }


def new_cluster_id() -> str:
    """Return a random id for a new Kafka cluster."""
    return runtime.random_id()


class Control:
    """An open connection to a broker's container: it sends a command and receives the broker's state.

    A new `kubectl exec` per command would take longer than the times that lesson 03 measures.
    """

    _open: dict[tuple[str, int], Control] = {}  # noqa: RUF012 - shared on purpose: one per broker
    _guard = threading.Lock()

    def __init__(self, settings: Settings, node: int) -> None:
        words = ["exec", "--stdin", f"kafka-{node}", "--container=broker", "--", *CONTROL]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # In a session of its own, so that a Ctrl-C in a cell does not end the connection that repairs the broker.
        self._kubectl = subprocess.Popen([*program(settings), *words], **pipes, start_new_session=True)
        self._lock = threading.Lock()

    @classmethod
    def tell(cls, settings: Settings, node: int, word: str) -> str:
        """Send a command to a broker; return its state: `running`, `paused` or `stopped`.

        Raises:
            WorkshopError: the broker's pod does not exist or does not answer.
        """
        place = (str(settings.kubeconfig), node)
        for attempt in (1, 2):  # the pod of an open connection may be gone: connect again, once
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
        """Send one line and receive one line; both are short enough to arrive in one piece."""
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
        """Close the connection; harmless if another thread has closed it."""
        self._kubectl.kill()
        for pipe in filter(None, (self._kubectl.stdin, self._kubectl.stdout)):
            with suppress(OSError):
                pipe.close()
        self._kubectl.wait()


def states(settings: Settings) -> dict[int, str]:
    """Return the state of each broker, queried in parallel; `stopped` if its pod does not answer."""

    def ask(node: int) -> str:
        try:
            return Control.tell(settings, node, "state")
        except WorkshopError:
            return "stopped"

    with ThreadPoolExecutor(len(NODES)) as pool:
        return dict(zip(NODES, pool.map(ask, NODES), strict=True))
