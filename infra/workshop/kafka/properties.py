"""Files of a Kafka node: its server.properties, and the files of a formatted log folder. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workshop.base.settings import NODES, Ports


def server_properties(common: str, own: Mapping[str, object]) -> str:
    """Return the server.properties of a node: the common settings and its own."""
    lines = "\n".join(f"{key}={escaped(value)}" for key, value in own.items())
    return f"{common.rstrip()}\n\n# Node {own['node.id']}\n{lines}\n"


def on_loopback(node: int, ports: Ports, data: Path) -> dict[str, object]:
    """Return the own settings of a node if all nodes are processes of one machine."""
    return {
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{ports.controller(n)}" for n in NODES),
        "listeners": f"PLAINTEXT://127.0.0.1:{ports.broker(node)},CONTROLLER://127.0.0.1:{ports.controller(node)}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports.broker(node)}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "broker.rack": f"zone-{node}",
        # In a controlled shutdown, a broker first asks the controllers to move its leaderships. These nodes are stopped all
        # together, and each is a controller too: once two of three have ended, the last one would wait for an answer that
        # cannot come, until it is killed with its logs open. Without the request, each closes its logs and ends.
        "controlled.shutdown.enable": "false",
    }


def in_cluster(node: int, ports: Ports) -> dict[str, object]:
    """Return the own settings of a node if each node is a pod.

    Other pods reach it by name, clients outside the cluster by a port of the host.
    """
    return {
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{n}@{pod_name(n)}:9093" for n in NODES),
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093,OUTSIDE://:9094",
        "advertised.listeners": f"PLAINTEXT://{pod_name(node)}:9092,OUTSIDE://127.0.0.1:{ports.broker(node)}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:PLAINTEXT",
        "log.dirs": "/var/lib/kafka/data",
    }


def pod_name(node: int) -> str:
    """Return the name under which other pods reach a broker."""
    return f"kafka-{node}.kafka.workshop.svc"


def meta_properties(cluster_id: str, node: int, directory_id: str) -> str:
    """Return the meta.properties of a log folder, which marks it as formatted for a cluster."""
    return f"version=1\ncluster.id={cluster_id}\nnode.id={node}\ndirectory.id={directory_id}\n"


def escaped(value: object) -> str:
    """Return a value for a Java properties file: printable ASCII, other characters as \\uXXXX."""
    units = str(value).encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 and code != 92 else f"\\u{code:04x}" for code in codes)
