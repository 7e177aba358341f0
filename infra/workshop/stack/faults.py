"""Breaks brokers and nodes on purpose and mends them: one call for every backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from workshop.base.errors import WorkshopError
from workshop.base.settings import NODES
from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin
from workshop.kafka.probe import QUICK, registered_brokers
from workshop.stack.backends.protocols import BrokerFaults, NodeFaults

PREFERRED = 0  # the election that gives each partition back to its first replica


class Brokers:
    """The cluster's brokers, by their numbers 1 to 3.

    Attributes:
        ours: whether they are this stack's own, to be broken and mended; somebody else's are not.
    """

    def __init__(self, backend: BrokerFaults, kafka: Mapping) -> None:
        self._backend, self._kafka = backend, kafka
        self.ours = backend.owns_brokers

    def __repr__(self) -> str:
        return ", ".join(f"broker {node} {state}" for node, state in self.states().items())

    def states(self) -> dict[int, str]:
        """`running`, `paused` or `stopped`, by number."""
        return self._backend.broker_states()

    def addresses(self) -> list[str]:
        """The addresses of those that run; where brokers are somebody else's, all that were told."""
        known = self._kafka["bootstrap_servers"]
        if not self.ours:
            return known
        return [known[node - 1] for node, state in self.states().items() if state == "running"]

    def kill(self, node: int) -> None:
        """End a broker without a word, as a power cut does (kill -9)."""
        self._backend.kill_broker(_known(node))

    def pause(self, node: int) -> None:
        """Freeze a broker: it is there and answers nothing, as behind a cut network (SIGSTOP)."""
        self._backend.pause_broker(_known(node))

    def resume(self, node: int) -> None:
        """Let a frozen broker go on where it was (SIGCONT)."""
        self._backend.resume_broker(_known(node))

    def start(self, node: int) -> None:
        """Start a dead broker on its own data, and wait until it is registered again."""
        self._backend.start_broker(_known(node))
        self._wait_for(node)

    def registered(self) -> set[int]:
        """The brokers that the cluster counts as there: registered and not fenced."""
        try:
            with closing(kafka_admin.admin(self._kafka, **QUICK)) as admin:
                return _registered(admin)
        except (KafkaError, OSError):
            return set()

    def restore(self) -> None:
        """Make all well: frozen brokers go on, dead ones start, every replica is in sync and leaders are where they belong.

        Raises:
            WorkshopError: it does not become well in time.
        """
        if not self.ours:
            return  # nothing was broken from here, and what others break is not ours to mend
        states = self.states()
        for node in [node for node, state in states.items() if state == "paused"]:
            self._backend.resume_broker(node)  # first: one that starts needs the others to be known as there
        for node in [node for node, state in states.items() if state == "stopped"]:
            self.start(node)
        self.settle(120)

    def settle(self, seconds: float) -> None:
        """Wait until every replica is in sync, and let the first of each partition lead.

        Whoever starts first leads everything; Kafka itself looks every five minutes, and moves leaders while somebody works.

        Raises:
            WorkshopError: it does not become so in time.
        """
        wait_until(
            self._all_in_sync,
            seconds,
            "every replica to be in sync",
            every=0.1,
            next_step="`workshop status` shows what runs; `workshop up` repairs it.",
        )

    @contextmanager
    def restored_afterwards(self) -> Iterator[Brokers]:
        """Whatever happens inside, also an interrupted kernel: afterwards all is well."""
        try:
            yield self
        finally:
            self.restore()

    def _wait_for(self, node: int) -> None:
        """A broker answers from the moment on at which the controllers know that it is new: before, they tell of the old."""
        alone = {**self._kafka, "bootstrap_servers": [self._kafka["bootstrap_servers"][node - 1]]}
        wait_until(lambda: node in registered_brokers(alone), 90, f"broker {node} to be registered")

    def _all_in_sync(self) -> bool:
        try:
            with closing(kafka_admin.admin(self._kafka, **QUICK)) as admin:
                if _registered(admin) != set(NODES):
                    return False
                partitions = [p for topic in admin.describe_topics() for p in topic["partitions"]]
                if any(len(p["isr_nodes"]) < len(p["replica_nodes"]) or p["leader_id"] < 0 for p in partitions):
                    return False
                if any(p["leader_id"] != p["replica_nodes"][0] for p in partitions):
                    admin.elect_leaders(PREFERRED, raise_errors=False)
                    return False
        except (KafkaError, OSError):
            return False
        return True


def _registered(admin: KafkaAdminClient) -> set[int]:
    return {broker["broker_id"] for broker in admin.describe_cluster()["brokers"] if not broker.get("is_fenced")}


class KubernetesNodes:
    """The worker nodes, by their names.

    Attributes:
        ours: whether they are this stack's own, to be drained and lost; in somebody else's cluster they are not.
    """

    def __init__(self, backend: NodeFaults) -> None:
        self._backend = backend
        self.ours = backend.owns_brokers

    def __repr__(self) -> str:
        return ", ".join(f"{name} {state}" for name, state in self.states().items())

    def states(self) -> dict[str, str]:
        """`running` or `stopped`, by name."""
        return self._backend.node_states()

    def lose(self, name: str) -> None:
        """Cut a node's power: what ran on it is gone, and it says nothing more.

        Raises:
            WorkshopError: there is no such node, or it is somebody else's.
        """
        if self.ours and name not in self.states():
            raise WorkshopError(f"There is no node {name}.", f"There are: {', '.join(self.states())}.")
        self._backend.lose_node(name)

    def restore(self) -> None:
        """Give every lost node its power again, and wait until all are ready."""
        for name in [name for name, state in self.states().items() if state == "stopped"]:
            self._backend.find_node(name)
        self._backend.kubernetes_ready()


def _known(node: int) -> int:
    if node not in NODES:
        raise WorkshopError(f"There is no broker {node}.", f"There are: {', '.join(map(str, NODES))}.")
    return node
