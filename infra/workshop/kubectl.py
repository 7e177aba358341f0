"""Runs `kubectl` on the stack's own Kubernetes; what it says is told as a sentence."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from workshop.errors import WorkshopError
from workshop.settings import Settings
from workshop.site.description import kept

NAMESPACE = "workshop"  # in a cluster of our own


def namespace(settings: Settings) -> str:
    """The namespace of this stack's services: in somebody else's cluster the participant's, otherwise `NAMESPACE`."""
    site = kept(settings.state)
    return site.namespace if site and site.namespace else NAMESPACE


def namespace_of(api: object) -> str:
    """The same for a client that `workshop.pods.core` made."""
    return getattr(api, "namespace", NAMESPACE)


def kubectl(settings: Settings, *words: str, data: str | None = None, timeout: float = 120) -> str:
    """Run `kubectl` with these words, in the kubeconfig's namespace (the workshop's); returns what it printed.

    Args:
        data: its standard input, such as a manifest for `apply -f -`.

    Raises:
        WorkshopError: it failed, with the end of what it said.
    """
    try:
        done = subprocess.run(
            [*program(settings), *words],
            input=data,
            env=_environment(settings),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkshopError(f"`kubectl {words[0]}` did not end within {timeout:g} s.", ADVICE) from None
    if done.returncode:
        end = "\n".join(done.stderr.strip().splitlines()[-10:])
        raise WorkshopError(f"`kubectl {' '.join(words[:3])}` failed.", ADVICE, end)
    return done.stdout


def _environment(settings: Settings) -> dict[str, str]:
    """Nothing of the user's, but where somebody else's kubeconfig may call a program that brings a token."""
    cache = {"KUBECACHEDIR": str(settings.state / "home" / "kube")}
    return (
        {**os.environ, **cache}
        if kept(settings.state)
        else {**cache, "HOME": str(settings.state / "home"), "PATH": "/"}
    )


def program(settings: Settings) -> list[str]:
    """The first words of every call."""
    return [str(settings.python_bin / "kubectl"), f"--kubeconfig={settings.kubeconfig}"]


def logs_program(settings: Settings, name: str, lines: int, *, follow: bool) -> list[str]:
    """What prints the log of a pod."""
    more = ["--follow"] if follow else []
    return [*program(settings), "logs", name, f"--tail={lines}", "--all-containers", *more]


ADVICE = "`workshop status` shows what runs; `workshop up` repairs it."


def get(settings: Settings, *words: str) -> dict:
    """What `kubectl get` says, as a dictionary."""
    return json.loads(kubectl(settings, "get", *words, "-o", "json"))


def apply(settings: Settings, manifests: Sequence[dict], manager: str = "kubectl") -> None:
    """Apply manifests; those that are there and the same stay.

    Args:
        manager: whose the fields are: what other managers wrote beside them stays, too.
    """
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
    how = ("--server-side", "--force-conflicts", f"--field-manager={manager}")
    kubectl(settings, "apply", *how, "-f", "-", data=text)


def apply_folder(settings: Settings, folder: str | Path) -> None:
    """Apply a kustomization: of this project, such as `infra/kubernetes/services`, or wherever it lies."""
    kubectl(settings, "apply", "--server-side", "--force-conflicts", "-k", str(settings.root / folder))


def pod_states(settings: Settings) -> dict[str, dict]:
    """The workshop's pods, with what `workshop status` shows of them."""
    found = {}
    for pod in get(settings, "pods")["items"]:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
        state = "running" if ready else "stopped"
        found[pod["metadata"]["name"]] = {"state": state, "where": pod["spec"].get("nodeName", "nowhere yet")}
    return found
