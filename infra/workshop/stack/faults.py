"""Faults of brokers and nodes, and their repair, with the same calls on every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Protocol

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from workshop.base.errors import WorkshopError
from workshop.base.settings import NODES
from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin
from workshop.kafka.probe import QUICK, registered_brokers
from workshop.stack.backends.protocols import BrokerFaults, NodeFaults

PREFERRED = 0  # election type: the first replica of each partition becomes its leader


class Steps(Protocol):
    """A place that shows the steps of a repair while they happen."""

    def say(self, word: str) -> None:
        """Add a step."""

    def now(self, word: str) -> None:
        """Put other words in place of the last step."""


class Unshown:
    """Steps that are not shown, for programs."""

    def say(self, word: str) -> None:
        """Ignore the step."""

    def now(self, word: str) -> None:
        """Ignore the step."""


class Brokers:
    """The cluster's brokers, by their numbers 1 to 3.

    Attributes:
        ours: whether the brokers belong to this stack, so that faults may be injected.
    """

    def __init__(self, backend: BrokerFaults, kafka: Mapping, steps: Callable[[], Steps] = Unshown) -> None:
        """Args: steps: returns the place that shows the steps of one repair."""
        self._backend, self._kafka, self._steps = backend, kafka, steps
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
        """Kill a broker's process without an orderly shutdown (kill -9).

        Its files remain, with all that it wrote: the operating system has them, unlike after a power failure.
        """
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
        steps = Unshown() if set(states.values()) == {"running"} else self._steps()
        for node in [node for node, state in states.items() if state == "paused"]:
            steps.say(f"broker {node} resumes")
            self._backend.resume_broker(node)  # first: a starting broker needs the others registered
        for node in [node for node, state in states.items() if state == "stopped"]:
            steps.say(f"broker {node} starts")
            self.start(node)
        steps.say("its replicas copy what they missed")
        self.settle(120, steps)
        steps.now("all replicas are in sync: repaired")

    def settle(self, seconds: float, steps: Steps | None = None) -> None:
        """Wait until every replica is in sync, and elect the first replica of each partition as its leader.

        The broker that starts first becomes the leader of everything. Kafka itself checks only every five minutes, and would
        then move leaders in the middle of a lesson.

        Raises:
            WorkshopError: the replicas are not in sync in time.
        """
        wait_until(
            lambda: self._is_settled(steps or Unshown()),
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

    def _is_settled(self, steps: Steps) -> bool:
        try:
            with closing(kafka_admin.admin(self._kafka, **QUICK)) as admin:
                missing = _missing(admin)
        except (KafkaError, OSError):
            return False
        if missing:
            steps.now(missing)
        return not missing


def _missing(admin: KafkaAdminClient) -> str:
    """Return what the cluster still lacks, in words; start the election of preferred leaders if only that is missing."""
    if away := set(NODES) - _registered(admin):
        return f"waiting for broker {min(away)}"
    partitions = [p for topic in admin.describe_topics() for p in topic["partitions"]]
    behind = sum(len(p["isr_nodes"]) < len(p["replica_nodes"]) or p["leader_id"] < 0 for p in partitions)
    if behind:
        return f"{behind} of {len(partitions)} partitions wait for a replica"
    moved = sum(p["leader_id"] != p["replica_nodes"][0] for p in partitions)
    if moved:
        admin.elect_leaders(PREFERRED, raise_errors=False)
        return f"{moved} of {len(partitions)} leaders return to their brokers"
    return ""


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
