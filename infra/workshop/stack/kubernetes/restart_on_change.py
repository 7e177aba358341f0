"""What was declared to Kubernetes last time: programs that run already are started again where something of it is new.

A container reads its variables and its program when it starts, and an image that is built anew has the same name: to apply
the same manifest again changes nothing that runs.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from workshop.base.settings import Settings
from workshop.stack.kubernetes import kubectl

NOTES = "declared"  # the ConfigMap that remembers
LABELS = {"app.kubernetes.io/part-of": "workshop"}  # by which all that is ours in a namespace is known


def digest(*parts: object) -> str:
    """Over texts, and over the contents of files."""
    content = [part.read_bytes() if isinstance(part, Path) else str(part).encode() for part in parts]
    return hashlib.sha256(b"\0".join(content)).hexdigest()


def start_anew(settings: Settings, workloads: tuple[str, ...], now: str) -> bool:
    """Start workloads anew if they were declared before with another digest; each in its own way, as its strategy says.

    Args:
        workloads: such as `deployment/payments`; the first one's name is what the digest is remembered by.

    Returns:
        Whether they are started anew; it is not waited for.
    """
    name = workloads[0].partition("/")[2]
    if other := _noted(settings).get(name, now) != now:
        kubectl.kubectl(settings, "rollout", "restart", *workloads)
    about = {"name": NOTES, "namespace": kubectl.namespace(settings), "labels": LABELS}
    kubectl.apply(
        settings, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {name: now}}], manager=name
    )
    return other


def _noted(settings: Settings) -> dict[str, str]:
    found = kubectl.kubectl(settings, "get", "configmap", NOTES, "--ignore-not-found", "-o", "json")
    return json.loads(found).get("data", {}) if found else {}
