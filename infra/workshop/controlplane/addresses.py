"""The addresses of one stack's Kubernetes: what the API knows, and where it is on loopback.

The API takes no loopback address for a pod or a Service. So each has an address as in any cluster (10.244.n.x and 10.96.x.y),
and the process listens on its twin, 127.A.n.x or 127.A.x.y. `A` differs from stack to stack, so that two do not meet.
"""

from __future__ import annotations

from dataclasses import dataclass

from workshop.settings import BLOCK

SERVICES = "10.96.128.0/17"  # so that the third octet of a Service is never that of a node's pods
API_SERVICE = "10.96.128.1"
LOWEST_PORT = 1024


@dataclass(frozen=True)
class Addresses:
    """Those of the stack whose block of ports begins at `first_port`."""

    first_port: int

    @property
    def octet(self) -> int:
        """`A`: from 2 to 251."""
        return (self.first_port - LOWEST_PORT) // BLOCK % 250 + 2

    def node(self, number: int) -> str:
        """Where a node listens, by its number from 1."""
        return f"127.{self.octet}.0.{number}"

    def pod_api(self, node: int, index: int) -> str:
        """A pod's address as the API knows it."""
        return f"10.244.{node}.{index}"

    def to_loopback(self, ip: str) -> str:
        """Where the holder of an address of the cluster really listens."""
        return ".".join(["127", str(self.octet), *ip.split(".")[2:]])
