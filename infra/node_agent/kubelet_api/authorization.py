"""Who may do what on a node: its own API asks the API server, as a kubelet does, and remembers the answer for a while."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from node_agent.model import Api

REMEMBERED = 30.0  # seconds
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
EVERYBODY = "system:authenticated"
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

# The first part of a path, and the subresources of `nodes` of which the right to one is enough.
_SUBRESOURCES = {
    "pods": ("pods", "proxy"),
    "runningpods": ("pods", "proxy"),
    "healthz": ("healthz", "proxy"),
    "configz": ("configz", "proxy"),
    "stats": ("stats",),
    "metrics": ("metrics",),
    "logs": ("log",),
}


@dataclass(frozen=True)
class Attempt:
    """What somebody wants to do on a node."""

    user: str
    groups: tuple[str, ...]
    verb: str
    node: str
    subresource: str


def subresources(path: str) -> tuple[str, ...]:
    """What a path of a node's API is called among rights."""
    return _SUBRESOURCES.get(path.split("/")[1], ("proxy",))


class Authorizer:
    """Asks the API server with the nodes' own certificates."""

    def __init__(self, apis: Mapping[str, Api]) -> None:
        self._apis = apis
        self._known: dict[Attempt, tuple[float, bool]] = {}  # until when, and what

    async def allows_one_of(self, attempts: list[Attempt]) -> bool:
        """Whether one of these is allowed; see `allows`."""
        for attempt in attempts:
            if await self.allows(attempt):
                return True
        return False

    async def allows(self, attempt: Attempt) -> bool:
        """Whether the API server allows it.

        Raises:
            Exception: it could not be asked.
        """
        now = time.monotonic()
        self._known = {one: answer for one, answer in self._known.items() if answer[0] > now}
        if attempt not in self._known:
            answer = await self._apis[attempt.node].create(REVIEWS, _review(attempt))
            self._known[attempt] = now + REMEMBERED, bool((answer.get("status") or {}).get("allowed"))
        return self._known[attempt][1]


def _review(attempt: Attempt) -> dict:
    wanted = {"verb": attempt.verb, "resource": "nodes", "subresource": attempt.subresource, "name": attempt.node}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": attempt.user,
            "groups": [*attempt.groups, EVERYBODY],
            "resourceAttributes": {**wanted, "version": "v1"},
        },
    }
