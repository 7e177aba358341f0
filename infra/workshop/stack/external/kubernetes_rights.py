"""Check of the rights in the participant's namespace that the lessons need.

`infra/deploy/existing/role.yaml` grants the same list. Each right is one SelfSubjectAccessReview, the request of
`kubectl auth can-i`, over one connection: 50 take a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

OPTIONAL = "optional"


@dataclass(frozen=True)
class Rule:
    """Rights for resources of one API group.

    Attributes:
        group: the API group, empty for the core.
        resources: plural names; a subresource follows a slash.
        lessons: the lessons that need the rights; begins with `OPTIONAL` for rights that are not required.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    lessons: str


SERVICES = "lessons 07 to 09: the services"
RULES = (
    Rule("", ("configmaps",), ("get", "list", "create", "patch", "delete"), SERVICES),
    Rule("", ("services",), ("get", "list", "create", "patch", "update", "delete"), SERVICES),
    Rule("", ("secrets",), ("get", "list", "create", "patch", "delete"), f"{SERVICES}' password for Kafka"),
    Rule("", ("pods",), ("get", "list", "watch", "patch", "delete"), "lessons 07 to 09"),
    Rule("", ("pods/log",), ("get",), "`workshop logs`"),
    Rule("", ("pods/exec",), ("get", "create"), "lesson 07: a program that crashes"),
    Rule("", ("pods/portforward",), ("get", "create"), "payments, without WORKSHOP_PAYMENTS_URL"),
    Rule("", ("events",), ("get", "list"), "lessons 07 to 09: events"),
    Rule(
        "apps",
        ("deployments",),
        ("get", "list", "watch", "create", "patch", "update", "delete"),
        f"{SERVICES}, rolled out and back",
    ),
    Rule("apps", ("deployments/scale",), ("get", "patch", "update"), "lessons 07 and 08: kubectl scale"),
    Rule("apps", ("replicasets",), ("get", "list", "watch"), "lesson 07: kubectl rollout undo"),
    Rule(
        "autoscaling",
        ("horizontalpodautoscalers",),
        ("get", "list", "watch", "create", "patch", "delete"),
        "lesson 08: the autoscaler",
    ),
    Rule(
        "policy", ("poddisruptionbudgets",), ("get", "list", "create", "patch", "delete"), "lessons 07 and 09: budgets"
    ),
    Rule("discovery.k8s.io", ("endpointslices",), ("get", "list"), "lesson 07: the pods behind a Service"),
    Rule("", ("persistentvolumeclaims",), ("get", "list"), f"{OPTIONAL}, lesson 07: brokers on Kubernetes"),
    Rule("apps", ("statefulsets",), ("get", "list"), f"{OPTIONAL}, lesson 07: brokers on Kubernetes"),
    Rule("metrics.k8s.io", ("pods",), ("get", "list"), f"{OPTIONAL}, lesson 08: kubectl top"),
)


@dataclass(frozen=True)
class Missing:
    """One right that the participant does not have."""

    verb: str
    resource: str
    group: str
    lessons: str

    @property
    def about(self) -> tuple[str, str]:
        """The resource as kubectl names it, and the lessons that need it."""
        return (f"{self.resource}.{self.group}" if self.group else self.resource), self.lessons


def missing(api: ApiClient, site: Site) -> list[Missing]:
    """Check each right; return those that are refused."""
    from kubernetes import client

    review = client.AuthorizationV1Api(api)
    found = []
    for rule, resource, verb in _each():
        if resource == "pods/portforward" and site.payments_url:
            continue
        name, _, sub = resource.partition("/")
        about = client.V1ResourceAttributes(
            namespace=site.namespace, group=rule.group, resource=name, subresource=sub or None, verb=verb
        )
        body = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=about))
        answer = review.create_self_subject_access_review(body, _request_timeout=20)
        if not (answer.status and answer.status.allowed):
            found.append(Missing(verb, resource, rule.group, rule.lessons))
    return found


def must_be_there(api: ApiClient, site: Site) -> list[Missing]:
    """Check each right; return the missing optional ones.

    Raises:
        WorkshopError: required rights are missing; the message lists them with the lessons and the administrator's file.
    """
    lacking = missing(api, site)
    if needed := [one for one in lacking if not one.lessons.startswith(OPTIONAL)]:
        raise refusal(site, needed)
    return lacking


def refusal(site: Site, lacking: list[Missing]) -> WorkshopError:
    """Return the error for missing rights, with the file that grants them."""
    return WorkshopError(
        f"In the namespace {site.namespace}, Kubernetes refuses what lessons need:",
        "An administrator grants it: infra/deploy/existing/role.yaml, bound to you in this namespace. "
        "Is there a namespace of this name?",
        "\n".join(lines(lacking)),
    )


def lines(lacking: list[Missing]) -> list[str]:
    """Return the missing rights as one line per resource."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for one in lacking:
        verbs.setdefault(one.about, []).append(one.verb)
    return [f"  {', '.join(found)} {name} (needed by {lessons})" for (name, lessons), found in verbs.items()]


def _each() -> Iterator[tuple[Rule, str, str]]:
    for rule in RULES:
        for resource in rule.resources:
            for verb in rule.verbs:
                yield rule, resource, verb
