"""Versions of everything that is built, with the hashes that pin the sources."""

from __future__ import annotations

from dataclasses import dataclass

KIND = "v0.33.0"  # pinned by infra/deploy/kind/tool/go.sum
KUBERNETES = "v1.37.2"  # pinned by infra/deploy/kind/offline/go.sum
ETCD_TAG = (
    "3.7.0-0"  # the image tag that kubeadm of this Kubernetes requires; etcd's code is pinned like that of Kubernetes
)
DEBIAN = "bookworm"  # the last release whose systemd also runs on cgroup v1
PYTHON = "3.11"  # the version in that Debian

OLDEST_GO = (1, 26, 8)  # required by containerd's go.mod
GO_WHEEL = "1.27.3"  # pinned by infra/deploy/kind/offline/go.txt


@dataclass(frozen=True)
class Module:
    """A Go module.

    Attributes:
        hash: of all files, including the go.sum that pins the dependencies.
    """

    path: str
    version: str
    hash: str

    @property
    def name(self) -> str:
        """The name with the version, as an argument of `go`."""
        return f"{self.path}@{self.version}"


CONTAINERD = Module("github.com/containerd/containerd/v2", "v2.3.7", "h1:7PGbgAVKE4ieQjFPv7+kwAv7f9dCtRpExZwjExHD/Fk=")
CNI_PLUGINS = Module(
    "github.com/containernetworking/plugins", "v1.9.1", "h1:8oU6WsIsU3bpnNZuvHp74a6cE1MJwbj2P7s4/yTUNlA="
)
COREDNS = Module("github.com/coredns/coredns", "v1.14.6", "h1:V2g2JdCWJVqYGdX8tlBiK0iQo23Pnt8xs8gHqKyFYs8=")
LOCAL_PATH = Module(
    "github.com/rancher/local-path-provisioner", "v0.0.30", "h1:OkiuofkCSscddl7tma/B9Ox1wu+JEVSrP7IcZI65Ggo="
)
METRICS_SERVER = Module("sigs.k8s.io/metrics-server", "v0.9.0", "h1:nlqqZ2H0Xfko8eJC/1qaNVVT17hu4rxndkOi22KTZ4w=")
