"""Restart of workloads whose settings or program changed since they were last applied.

A container reads its variables and its program when it starts, and a rebuilt image keeps its name. So applying the same
manifest again does not change running pods.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from workshop.base.settings import Settings
from workshop.stack.kubernetes import kubectl

NOTES = "declared"  # the ConfigMap with the digests
LABELS = {"app.kubernetes.io/part-of": "workshop"}  # the label of all of the workshop's objects in a namespace


def digest(*parts: object) -> str:
    """Return a hash of texts and of the contents of files."""
    content = [part.read_bytes() if isinstance(part, Path) else str(part).encode() for part in parts]
    return hashlib.sha256(b"\0".join(content)).hexdigest()


def start_anew(settings: Settings, workloads: tuple[str, ...], now: str) -> bool:
    """Restart workloads if they were last applied with another digest.

    Their update strategies apply.

    Args:
        workloads: such as `deployment/payments`; the digest is stored under the first one's name.

    Returns:
        Whether they are restarted; the function does not wait for the rollout.
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
