"""Without a container registry: a node image and all that a kind cluster needs, built from package mirrors."""

from __future__ import annotations

from workshop.stack.kubernetes.kind.offline.building import Offline, build, find

__all__ = ["Offline", "build", "find"]
