"""Authorization of requests to a node's API: a cached SubjectAccessReview by the API server, as in a kubelet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from node_agent.model import Api

REMEMBERED = 30.0  # seconds for which an answer is cached
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
EVERYBODY = "system:authenticated"
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

# The first part of a path, and the subresources of `nodes`; the right to one of them is sufficient.
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
    """A request of a user to a node."""

    user: str
    groups: tuple[str, ...]
    verb: str
    node: str
    subresource: str


def subresources(path: str) -> tuple[str, ...]:
    """Return the subresources of `nodes` that grant access to a path of a node's API."""
    return _SUBRESOURCES.get(path.split("/")[1], ("proxy",))


class Authorizer:
    """Authorizer that asks the API server with the nodes' certificates."""

    def __init__(self, apis: Mapping[str, Api]) -> None:
        self._apis = apis
        self._known: dict[Attempt, tuple[float, bool]] = {}  # end of validity (monotonic), and the answer

    async def allows_one_of(self, attempts: list[Attempt]) -> bool:
        """Return whether one of the attempts is allowed; see `allows`."""
        for attempt in attempts:
            if await self.allows(attempt):
                return True
        return False

    async def allows(self, attempt: Attempt) -> bool:
        """Return whether the API server allows an attempt.

        Raises:
            Exception: the request to the API server failed.
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
