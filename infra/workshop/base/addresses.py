"""Addresses of a stack's Kubernetes: cluster addresses of pods and Services, and loopback addresses.

The API accepts no loopback address for a pod or a Service. So each has a usual cluster address (10.244.n.x or 10.96.s.x), and
its process listens on the matching loopback address, 127.A.n.x or 127.A.s.x. `A`, `n` and `s` are computed from the stack's
block of ports: stacks with different blocks have different addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

from workshop.base.settings import BLOCK

LOWEST_PORT = 1024
OCTETS, FIRST_OCTET = 250, 2
GROUP = 4  # third octets per stack: one for its nodes, one for the pods of each of the three nodes
OF_THE_CLUSTER = ("10.244.", "10.96.")  # pods, Services
SERVICES = 128  # Services use the upper half of the third octets


@dataclass(frozen=True)
class Addresses:
    """The addresses of the stack whose block of ports begins at `first_port`."""

    first_port: int

    @property
    def _number(self) -> int:
        return (self.first_port - LOWEST_PORT) // BLOCK

    @property
    def octet(self) -> int:
        """The second octet `A`, from 2 to 251."""
        return self._number % OCTETS + FIRST_OCTET

    @property
    def third(self) -> int:
        """The third octet of the nodes; the third octets of their pods follow."""
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
        """Return the loopback address of a node, by its number from 1."""
        return f"127.{self.octet}.{self.third}.{number}"

    def pod_api(self, node: int, index: int) -> str:
        """Return the cluster address of a pod."""
        return f"10.244.{self.third + node}.{index}"

    def to_loopback(self, ip: str) -> str:
        """Return the loopback address for a cluster address; any other address is returned unchanged."""
        if not ip.startswith(OF_THE_CLUSTER):
            return ip
        return ".".join(["127", str(self.octet), *ip.split(".")[2:]])
