"""What a node reads: its server.properties, and the files that make a folder a formatted Kafka log folder. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workshop.base.settings import NODES, Ports


def server_properties(common: str, own: Mapping[str, object]) -> str:
    """The whole server.properties of a node: the common settings and what is its own."""
    lines = "\n".join(f"{key}={escaped(value)}" for key, value in own.items())
    return f"{common.rstrip()}\n\n# Node {own['node.id']}\n{lines}\n"


def on_loopback(node: int, ports: Ports, data: Path) -> dict[str, object]:
    """What is a node's own where all nodes are processes of one machine."""
    return {
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{ports.controller(n)}" for n in NODES),
        "listeners": f"PLAINTEXT://127.0.0.1:{ports.broker(node)},CONTROLLER://127.0.0.1:{ports.controller(node)}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports.broker(node)}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "broker.rack": f"zone-{node}",
        # A broker that leaves asks the controllers first, so that others lead its partitions. These nodes are stopped all
        # together, and each is a controller too: once two of three have ended, the last one would wait for an answer that
        # cannot come, until it is killed with its logs open. Without the question each closes its logs and ends.
        "controlled.shutdown.enable": "false",
    }


def in_cluster(node: int, ports: Ports) -> dict[str, object]:
    """What is a node's own where each is a pod: other pods reach it by name, clients outside by a port of the host."""
    return {
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{n}@{pod_name(n)}:9093" for n in NODES),
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093,OUTSIDE://:9094",
        "advertised.listeners": f"PLAINTEXT://{pod_name(node)}:9092,OUTSIDE://127.0.0.1:{ports.broker(node)}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:PLAINTEXT",
        "log.dirs": "/var/lib/kafka/data",
    }


def pod_name(node: int) -> str:
    """The name under which other pods find a broker."""
    return f"kafka-{node}.kafka.workshop.svc"


def meta_properties(cluster_id: str, node: int, directory_id: str) -> str:
    """The file by which a node knows that its folder is formatted, and for which cluster."""
    return f"version=1\ncluster.id={cluster_id}\nnode.id={node}\ndirectory.id={directory_id}\n"


def escaped(value: object) -> str:
    """A value as Java reads it from a properties file: Latin-1, with a backslash before everything else."""
    units = str(value).encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 and code != 92 else f"\\u{code:04x}" for code in codes)
