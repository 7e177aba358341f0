"""What a node reads: its server.properties, and the files that make a folder a formatted Kafka log folder. Pure."""

from __future__ import annotations

from pathlib import Path

from workshop.settings import NODES, Ports


def server_properties(common: str, node: int, ports: Ports, data: Path) -> str:
    """The whole server.properties of a node: the common settings and what is its own."""
    voters = ",".join(f"{n}@127.0.0.1:{ports.controller(n)}" for n in NODES)
    own = {
        "node.id": node,
        "controller.quorum.voters": voters,
        "listeners": f"PLAINTEXT://127.0.0.1:{ports.broker(node)},CONTROLLER://127.0.0.1:{ports.controller(node)}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports.broker(node)}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "broker.rack": f"zone-{node}",
    }
    lines = "\n".join(f"{key}={escaped(value)}" for key, value in own.items())
    return f"{common.rstrip()}\n\n# Node {node}\n{lines}\n"


def meta_properties(cluster_id: str, node: int, directory_id: str) -> str:
    """The file by which a node knows that its folder is formatted, and for which cluster."""
    return f"version=1\ncluster.id={cluster_id}\nnode.id={node}\ndirectory.id={directory_id}\n"


def escaped(value: object) -> str:
    """A value as Java reads it from a properties file: Latin-1, with a backslash before everything else."""
    units = str(value).encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 and code != 92 else f"\\u{code:04x}" for code in codes)
