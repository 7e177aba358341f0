"""Faults of brokers and nodes, and their repair, with the same calls on every backend."""

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

PREFERRED = 0  # election type: the first replica of each partition becomes its leader


class Brokers:
    """The cluster's brokers, by their numbers 1 to 3.

    Attributes:
        ours: whether the brokers belong to this stack, so that faults may be injected.
    """

    def __init__(self, backend: BrokerFaults, kafka: Mapping) -> None:
        self._backend, self._kafka = backend, kafka
        self.ours = backend.owns_brokers

    def __repr__(self) -> str:
        return ", ".join(f"broker {node} {state}" for node, state in self.states().items())

    def states(self) -> dict[int, str]:
        """Return `running`, `paused` or `stopped` by broker number."""
        return self._backend.broker_states()

    def addresses(self) -> list[str]:
        """Return the addresses of the running brokers; in an existing Kafka, all configured addresses."""
        known = self._kafka["bootstrap_servers"]
        if not self.ours:
            return known
        return [known[node - 1] for node, state in self.states().items() if state == "running"]

    def kill(self, node: int) -> None:
        """Kill a broker without an orderly shutdown, as in a power failure (kill -9)."""
        self._backend.kill_broker(_known(node))

    def pause(self, node: int) -> None:
        """Freeze a broker: its process exists but does not respond, as behind a broken network (SIGSTOP)."""
        self._backend.pause_broker(_known(node))

    def resume(self, node: int) -> None:
        """Resume a frozen broker (SIGCONT)."""
        self._backend.resume_broker(_known(node))

    def start(self, node: int) -> None:
        """Start a stopped broker on its own data, and wait until it is registered again."""
        self._backend.start_broker(_known(node))
        self._wait_for(node)

    def registered(self) -> set[int]:
        """Return the brokers that are registered and not fenced."""
        try:
            with closing(kafka_admin.admin(self._kafka, **QUICK)) as admin:
                return _registered(admin)
        except (KafkaError, OSError):
            return set()

    def restore(self) -> None:
        """Resume or start all brokers, and wait until the cluster has recovered.

        Every replica is then in sync, and the first replica of each partition leads.

        Raises:
            WorkshopError: the cluster does not recover in time.
        """
        if not self.ours:
            return  # the workshop injects no faults into an existing Kafka
        states = self.states()
        for node in [node for node, state in states.items() if state == "paused"]:
            self._backend.resume_broker(node)  # first: a starting broker needs the others registered
        for node in [node for node, state in states.items() if state == "stopped"]:
            self.start(node)
        self.settle(120)

    def settle(self, seconds: float) -> None:
        """Wait until every replica is in sync, and elect the first replica of each partition as its leader.

        The broker that starts first becomes the leader of everything. Kafka itself checks only every five minutes, and would
        then move leaders in the middle of a lesson.

        Raises:
            WorkshopError: the replicas are not in sync in time.
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
        """Restore the brokers at the end of the block, even after an error or an interrupted kernel."""
        try:
            yield self
        finally:
            self.restore()

    def _wait_for(self, node: int) -> None:
        """Wait until a restarted broker answers.

        It answers once the controllers have registered its new process; before that, the metadata describe the old one.
        """
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
    """The worker nodes, by name.

    Attributes:
        ours: whether the nodes belong to this stack, so that faults may be injected.
    """

    def __init__(self, backend: NodeFaults) -> None:
        self._backend = backend
        self.ours = backend.owns_brokers

    def __repr__(self) -> str:
        return ", ".join(f"{name} {state}" for name, state in self.states().items())

    def states(self) -> dict[str, str]:
        """Return `running` or `stopped` by node name."""
        return self._backend.node_states()

    def lose(self, name: str) -> None:
        """Stop a node as in a power failure: its pods end, and it stops reporting.

        Raises:
            WorkshopError: the node does not exist, or the cluster is not this stack's.
        """
        if self.ours and name not in self.states():
            raise WorkshopError(f"There is no node {name}.", f"There are: {', '.join(self.states())}.")
        self._backend.lose_node(name)

    def restore(self) -> None:
        """Restart every lost node, and wait until all nodes are ready."""
        for name in [name for name, state in self.states().items() if state == "stopped"]:
            self._backend.find_node(name)
        self._backend.kubernetes_ready()


def _known(node: int) -> int:
    if node not in NODES:
        raise WorkshopError(f"There is no broker {node}.", f"There are: {', '.join(map(str, NODES))}.")
    return node
