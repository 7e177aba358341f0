"""The addresses of one stack's Kubernetes: what the API knows, and where it is on loopback.

The API takes no loopback address for a pod or a Service. So each has an address as in any cluster (10.244.n.x and 10.96.s.x),
and the process listens on its twin, 127.A.n.x or 127.A.s.x. `A`, `n` and `s` are the stack's own, made from its block of
ports: two stacks whose blocks differ never meet.
"""

from __future__ import annotations

from dataclasses import dataclass

from workshop.base.settings import BLOCK

LOWEST_PORT = 1024
OCTETS, FIRST_OCTET = 250, 2
GROUP = 4  # third octets of a stack: one for its nodes themselves, one for the pods of each of three nodes
OF_THE_CLUSTER = ("10.244.", "10.96.")  # pods, Services
SERVICES = 128  # Services have the upper half of third octets


@dataclass(frozen=True)
class Addresses:
    """Those of the stack whose block of ports begins at `first_port`."""

    first_port: int

    @property
    def _number(self) -> int:
        return (self.first_port - LOWEST_PORT) // BLOCK

    @property
    def octet(self) -> int:
        """`A`: from 2 to 251."""
        return self._number % OCTETS + FIRST_OCTET

    @property
    def third(self) -> int:
        """The third octet of the nodes; those of their pods follow."""
        return self._number // OCTETS * GROUP

    @property
    def services(self) -> str:
        """The range of the Services' addresses."""
        return f"10.96.{SERVICES + self.third}.0/22"

    @property
    def api_service(self) -> str:
        """The address of the Service `kubernetes`."""
        return f"10.96.{SERVICES + self.third}.1"

    def node(self, number: int) -> str:
        """Where a node listens, by its number from 1."""
        return f"127.{self.octet}.{self.third}.{number}"

    def pod_api(self, node: int, index: int) -> str:
        """A pod's address as the API knows it."""
        return f"10.244.{self.third + node}.{index}"

    def to_loopback(self, ip: str) -> str:
        """Where the holder of an address of the cluster really listens; any other address stays as it is."""
        if not ip.startswith(OF_THE_CLUSTER):
            return ip
        return ".".join(["127", str(self.octet), *ip.split(".")[2:]])
