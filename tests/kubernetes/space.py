"""A namespace of a test: creating and reading objects in it, and waiting for their states."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until

from .cluster import REQUEST_TIMEOUT, Cluster, Thing
from .manifests import Manifest, python, thing
from .programs import ASK

T = TypeVar("T")
PATIENCE = 120.0  # seconds; the limit of a wait


class Space:
    """A namespace and its objects."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name

    def create(self, *manifests: Manifest) -> None:
        """Create objects in this namespace."""
        for manifest in manifests:
            kind = self.cluster.kind(manifest["kind"])
            kind.create(body=manifest, namespace=self.name, _request_timeout=REQUEST_TIMEOUT)

    def find(self, kind: str, name: str) -> Thing | None:
        """Return an object, or None if it does not exist."""
        return self.cluster.find(kind, name, self.name)

    def read(self, kind: str, name: str) -> Thing:
        """Return an object, which must exist."""
        found = self.find(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def all(self, kind: str, selector: str = "", **options: Any) -> list[Thing]:
        """Return the objects of a kind, or those with a label such as `app=web`."""
        options |= {"label_selector": selector} if selector else {}
        return self.cluster.kind(kind).get(namespace=self.name, _request_timeout=REQUEST_TIMEOUT, **options).items

    def delete(self, kind: str, name: str) -> None:
        """Start the deletion of an object and its dependents."""
        how = {"propagationPolicy": "Background"}
        self.cluster.kind(kind).delete(name, self.name, body=how, _request_timeout=REQUEST_TIMEOUT)

    def patch(self, kind: str, name: str, change: dict) -> None:
        """Change some fields of an object."""
        client = self.cluster.kind(kind)
        client.patch(change, name, self.name, content_type="application/merge-patch+json", _request_timeout=60)

    def kubectl(self, *said: str, data: str | None = None, timeout: float = 180) -> str:
        """Run `kubectl` in this namespace and return its output."""
        return self.cluster.kubectl(said[0], f"--namespace={self.name}", *said[1:], data=data, timeout=timeout)

    def exec(self, pod: str, *command: str, container: str = "main", data: str | None = None) -> str:
        """Run a command in a container and return its output.

        Raises:
            WorkshopError: the command failed.
        """
        stdin = ("--stdin",) if data is not None else ()
        return self.kubectl("exec", *stdin, f"--container={container}", pod, "--", *command, data=data)

    def log(self, pod: str, *options: str) -> str:
        """Return the log of a pod."""
        return self.kubectl("logs", pod, *options)

    def ask(self, client: str, host: str, port: str | int, count: int) -> dict[str, int]:
        """Send `count` requests from the pod `client`; return the number of answers by pod name.

        Args:
            host, port: values, or the names of variables of that pod.
        """
        return json.loads(self.exec(client, *python(ASK, host, str(port), str(count), "0")))

    def events(self, about: str) -> list[Thing]:
        """Return the events about the object with this name."""
        return self.all("Event", field_selector=f"involvedObject.name={about}")

    def endpoints(self, service: str) -> dict[str, bool]:
        """Return the endpoints of a Service: name of the pod, and whether it is ready."""
        slices = self.all("EndpointSlice", f"kubernetes.io/service-name={service}")
        found = [endpoint for part in slices for endpoint in part.endpoints or []]
        return {endpoint.targetRef.name: bool(endpoint.conditions.ready) for endpoint in found}

    def changes(self, kind: str, since: Thing, timeout: float = PATIENCE) -> Iterator[tuple[str, Thing]]:
        """Yield each change of an object since it was read: type and object; fail after the timeout."""
        about = since.metadata
        watch = self.cluster.kind(kind).watch(
            namespace=self.name, name=about.name, resource_version=about.resourceVersion, timeout=int(timeout)
        )
        with closing(watch):
            for event in watch:
                yield event["type"], event["object"]
        raise AssertionError(f"{kind} {about.name} did not reach the expected state.\n{self.story()}")

    # -- waiting

    def wait(self, probe: Callable[[], T | None], what: str, timeout: float = PATIENCE) -> T:
        """Wait until a probe returns a true value, and return it; a timeout shows pods and events."""
        try:
            return wait_until(probe, timeout, what, every=0.25, detail=self.story)
        except WorkshopError as error:
            raise AssertionError("\n".join(error.lines())) from None

    def story(self) -> str:
        """Return the pods and the last events of the namespace as text."""
        events = ("get", "events", "--sort-by=.lastTimestamp", "--no-headers")
        return self.kubectl("get", "pods", "--output=wide") + "\n".join(self.kubectl(*events).splitlines()[-25:])

    def ended(self, name: str, phase: str) -> Thing:
        """Wait until a pod has ended; its phase must be `phase`."""

        def last() -> Thing | None:
            found = self.find("Pod", name)
            return found if found and found.status.phase in ("Succeeded", "Failed") else None

        found = self.wait(last, f"pod {name} to end")
        assert found.status.phase == phase, self.story()
        return found

    def running(self, name: str) -> Thing:
        """Wait until all containers of a pod run."""

        def look() -> Thing | None:
            found = self.find("Pod", name)
            return found if found and all_of(found, "running") else None

        return self.wait(look, f"pod {name} to run")

    def ready(self, app: str, count: int) -> list[Thing]:
        """Wait until an app has exactly `count` pods and all are ready; return them sorted by name."""

        def look() -> list[Thing] | None:
            found = self.all("Pod", f"app={app}")
            return found if [is_ready(pod) for pod in found] == [True] * count else None

        return sorted(self.wait(look, f"{count} ready pods of {app}"), key=lambda pod: pod.metadata.name)

    def status(self, name: str, kind: str, of: Callable[[Thing], bool], what: str) -> Thing:
        """Wait until an object has a status and fulfils a condition."""

        def look() -> Thing | None:
            found = self.find(kind, name)
            return found if found and found.status and of(found) else None

        return self.wait(look, f"{kind} {name}: {what}")

    def gone(self, kind: str, name: str) -> None:
        """Wait until an object is deleted."""
        self.wait(lambda: self.find(kind, name) is None, f"{kind} {name} to be gone")

    def event(self, about: str, reason: str, text: str = "") -> Thing:
        """Wait for an event with this reason, whose message contains this text."""

        def look() -> Thing | None:
            found = [e for e in self.events(about) if e.reason == reason and text in (e.message or "")]
            return found[0] if found else None

        return self.wait(look, f"an event {reason} of {about}, with the text '{text}'")

    def waiting(self, name: str, *reasons: str) -> Thing:
        """Wait until a container of a pod waits for one of these reasons; return its state."""

        def look() -> Thing | None:
            states = [s.state.waiting for s in self.read("Pod", name).status.containerStatuses or []]
            return next((state for state in states if state and state.reason in reasons), None)

        return self.wait(look, f"pod {name} to wait because of {' or '.join(reasons)}")


@contextmanager
def a_space(cluster: Cluster) -> Iterator[Space]:
    """Yield a new namespace; start its deletion at the end, without waiting for it."""
    name = f"check-{uuid.uuid4().hex[:8]}"
    namespaces = cluster.kind("Namespace")
    namespaces.create(body=thing("Namespace", name), _request_timeout=REQUEST_TIMEOUT)
    cluster.spaces.append(name)
    try:
        space = Space(cluster, name)
        space.wait(lambda: space.find("ServiceAccount", "default"), "the namespace's service account")
        space.wait(lambda: space.find("ConfigMap", "kube-root-ca.crt"), "the namespace's certificate")
        yield space
    finally:
        namespaces.delete(name=name, _request_timeout=REQUEST_TIMEOUT)


def all_of(pod: Thing, state: str) -> bool:
    """Return whether all containers of a pod are in this state: running, waiting or terminated."""
    statuses = pod.status.containerStatuses or []
    return len(statuses) == len(pod.spec.containers) and all(status.state[state] for status in statuses)


def condition(found: Thing, kind: str) -> Thing | None:
    """Return a condition of an object, such as Ready."""
    return next((one for one in found.status.conditions or [] if one.type == kind), None)


def is_ready(pod: Thing) -> bool:
    """Return whether a pod is ready and not terminating."""
    ready = condition(pod, "Ready")
    return bool(ready and ready.status == "True" and not pod.metadata.deletionTimestamp)


def container_of(pod: Thing, name: str = "main") -> Thing:
    """Return the status of one container of a pod."""
    return next(status for status in pod.status.containerStatuses or [] if status.name == name)


def restarts(pod: Thing) -> int:
    """Return the number of restarts of a pod's containers."""
    return sum(status.restartCount for status in pod.status.containerStatuses or [])
