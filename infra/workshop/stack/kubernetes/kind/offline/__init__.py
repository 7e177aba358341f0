"""Build of all parts of a kind cluster from package mirrors, without a container registry."""

from __future__ import annotations

from workshop.stack.kubernetes.kind.offline.building import Offline, build, find

__all__ = ["Offline", "build", "find"]
