"""Runner for `kubectl` on the stack's Kubernetes: retries and errors."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from workshop.base.environment import inherited
from workshop.base.errors import WorkshopError
from workshop.base.external_site import kept
from workshop.base.settings import Settings

APP = "app.kubernetes.io/name"  # the label that names a deployment's pods
PAUSE = 1.0  # seconds before another attempt
ONE_TRY = 30  # seconds for one request
SHORT = ("apply", "get", "replace", "scale")  # commands whose requests do not wait for a condition
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
NAMESPACE = "workshop"  # in a cluster that the stack created
# Errors of `kubectl` while an API server starts or is overloaded: the same command may succeed a moment later.
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
    """Return the services' namespace: the participant's in an existing cluster, otherwise `NAMESPACE`."""
    site = kept(settings.state)
    return site.namespace if site and site.namespace else NAMESPACE


def namespace_of(api: object) -> str:
    """Return the namespace of a client that `workshop.notebook.pods.core` created."""
    return getattr(api, "namespace", NAMESPACE)


def kubectl(settings: Settings, *words: str, data: str | None = None, timeout: float = 120) -> str:
    """Run `kubectl` with these arguments, in the kubeconfig's namespace; return its output.

    After a lost connection or a timeout of the API server, the command is repeated if that is safe.

    Args:
        data: the standard input, such as a manifest for `apply -f -`.
        timeout: seconds for all attempts.

    Raises:
        WorkshopError: the command failed; the detail is the end of its error output.
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
    # A request timeout leaves time for another attempt if no answer comes.
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
    """Return whether a command is idempotent: it declares a state instead of a change."""
    restarts = tuple(words[:2]) == ("rollout", "restart")
    deletes = words[0] == "delete" and "--ignore-not-found" in words
    return words[0] in REPEATABLE or restarts or deletes


def _lost(said: str) -> bool:
    """Return whether the result of a request is unknown."""
    return any(sign in said for sign in LOST)


def may_pass(error: WorkshopError) -> bool:
    """Return whether an error of `kubectl` may be temporary: the API server starts or is overloaded."""
    return any(words in f"{error.happened} {error.detail}" for words in NOT_YET)


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment of `kubectl`, without the user's variables.

    In an existing cluster it contains them, since the kubeconfig may run a program that provides a token.
    """
    cache = {"KUBECACHEDIR": str(settings.state / "home" / "kube")}
    return inherited(**cache) if kept(settings.state) else {**cache, "HOME": str(settings.state / "home"), "PATH": "/"}


def program(settings: Settings) -> list[str]:
    """Return the first arguments of every call."""
    return [str(settings.python_bin / "kubectl"), f"--kubeconfig={settings.kubeconfig}"]


def logs_program(settings: Settings, name: str, lines: int, *, follow: bool) -> list[str]:
    """Return the command that prints a pod's log."""
    more = ["--follow"] if follow else []
    return [*program(settings), "logs", name, f"--tail={lines}", "--all-containers", *more]


ADVICE = "`workshop status` shows what runs; `workshop up` repairs it."


def get(settings: Settings, *words: str) -> dict:
    """Return the output of `kubectl get` as a dictionary."""
    return json.loads(kubectl(settings, "get", *words, "-o", "json"))


def apply(settings: Settings, manifests: Sequence[dict], manager: str = "kubectl") -> None:
    """Apply manifests on the server side; unchanged objects are kept.

    Args:
        manager: the owner of the fields; fields of other managers are kept.
    """
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
    how = ("--server-side", "--force-conflicts", f"--field-manager={manager}")
    kubectl(settings, "apply", *how, "-f", "-", data=text)


def apply_folder(settings: Settings, folder: str | Path) -> None:
    """Apply a kustomization from a folder of this project, or from an absolute path."""
    kubectl(settings, "apply", "--server-side", "--force-conflicts", "-k", str(settings.root / folder))


def pod_states(settings: Settings) -> dict[str, dict]:
    """Return the workshop's pods, with what `workshop status` shows."""
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
