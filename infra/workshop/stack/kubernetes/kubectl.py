"""Runs `kubectl` on the stack's own Kubernetes; what it says is told as a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.external_site import kept
from workshop.base.settings import Settings

APP = "app.kubernetes.io/name"  # the label that names a deployment's pods
PAUSE = 1.0  # seconds before another attempt
ONE_TRY = 30  # seconds for one request
SHORT = ("apply", "get", "replace", "scale")  # whose requests do not wait for something to happen
REPEATABLE = (*SHORT, "annotate", "cordon", "label", "uncordon")
LOST = (
    '": EOF',
    '": unexpected EOF',
    "Unable to connect to the server: EOF",
    "Unable to connect to the server: unexpected EOF",
    "Client.Timeout exceeded",
    "connection reset by peer",
    "context deadline exceeded",
    "etcdserver: leader changed",
    "etcdserver: request timed out",
    "http2: client connection",
    "i/o timeout",
    "TLS handshake timeout",
    "Timeout: request did not complete",
    "the server is currently unable to handle the request",
    "the server was unable to return a response in the time allotted",
)
NAMESPACE = "workshop"  # in a cluster of our own
# What `kubectl` prints while an API server starts, or has no time to answer: the same words may work a moment later.
NOT_YET = (
    "connection refused",
    "was refused",
    "connection reset",
    "connection lost",
    "EOF",
    "timeout",
    "timed out",
    "deadline exceeded",
    "etcdserver",
    "currently unable to handle",
    "not ready",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unable to connect to the server",
    "did not end within",
)


def namespace(settings: Settings) -> str:
    """The namespace of this stack's services: in somebody else's cluster the participant's, otherwise `NAMESPACE`."""
    site = kept(settings.state)
    return site.namespace if site and site.namespace else NAMESPACE


def namespace_of(api: object) -> str:
    """The same for a client that `workshop.notebook.pods.core` made."""
    return getattr(api, "namespace", NAMESPACE)


def kubectl(settings: Settings, *words: str, data: str | None = None, timeout: float = 120) -> str:
    """Run `kubectl` with these words, in the kubeconfig's namespace (the workshop's); returns what it printed.

    Where its connection is lost or the API server times out, a command that may be carried out twice is run again.

    Args:
        data: its standard input, such as a manifest for `apply -f -`.
        timeout: seconds for all attempts.

    Raises:
        WorkshopError: it failed, with the end of what it said.
    """
    deadline = time.monotonic() + timeout
    while True:
        done = _run(settings, words, data, deadline - time.monotonic(), timeout)
        if not done.returncode:
            return done.stdout
        left = deadline - time.monotonic()
        if left <= PAUSE or not may_be_repeated(words) or not _lost(done.stderr):
            end = "\n".join(done.stderr.strip().splitlines()[-10:])
            raise WorkshopError(f"`kubectl {' '.join(words[:3])}` failed.", ADVICE, end)
        time.sleep(PAUSE)


def _run(
    settings: Settings, words: Sequence[str], data: str | None, left: float, timeout: float
) -> subprocess.CompletedProcess[str]:
    # An answer that never comes is noticed in time for another attempt.
    bound = [f"--request-timeout={ONE_TRY}s"] if words[0] in SHORT and left > ONE_TRY else []
    try:
        return subprocess.run(
            [*program(settings), *bound, *words],
            input=data,
            env=_environment(settings),
            capture_output=True,
            text=True,
            timeout=max(left, 0.1),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkshopError(f"`kubectl {words[0]}` did not end within {timeout:g} s.", ADVICE) from None


def may_be_repeated(words: Sequence[str]) -> bool:
    """Whether a command says how something shall be, not how it shall change: carried out twice, it changes nothing more."""
    restarts = tuple(words[:2]) == ("rollout", "restart")
    deletes = words[0] == "delete" and "--ignore-not-found" in words
    return words[0] in REPEATABLE or restarts or deletes


def _lost(said: str) -> bool:
    """Whether nobody knows what became of a request."""
    return any(sign in said for sign in LOST)


def may_pass(error: WorkshopError) -> bool:
    """Return whether what `kubectl` reported may pass by itself: the API server starts, or the machine is too busy."""
    return any(words in f"{error.happened} {error.detail}" for words in NOT_YET)


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
    """Apply a kustomization: of this project, such as `infra/deploy/kubernetes/services`, or wherever it lies."""
    kubectl(settings, "apply", "--server-side", "--force-conflicts", "-k", str(settings.root / folder))


def pod_states(settings: Settings) -> dict[str, dict]:
    """The workshop's pods, with what `workshop status` shows of them."""
    found = {}
    for pod in get(settings, "pods")["items"]:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
        state = "running" if ready else "stopped"
        found[pod["metadata"]["name"]] = {"state": state, "where": pod["spec"].get("nodeName", "nowhere yet")}
    return found


def pods_in_words(pods: Sequence[dict]) -> str:
    """Return the state of each pod in a few words: "kafka-1 is ready, kafka-2: ContainerCreating"."""
    return ", ".join(sorted(map(_pod_in_words, pods))) or "there is no pod yet"


def _pod_in_words(pod: dict) -> str:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return f"{name} is ready"
    if conditions.get("PodScheduled", {}).get("status") != "True":
        return f"{name} has no node yet"
    containers = (*status.get("initContainerStatuses", []), *status.get("containerStatuses", []))
    reasons = [one["state"]["waiting"].get("reason", "") for one in containers if "waiting" in one.get("state", {})]
    return f"{name}: {reasons[0] or 'waiting'}" if reasons else f"{name} is starting"
