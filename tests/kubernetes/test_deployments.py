"""Deployments: the desired number of pods of the desired release, without a gap between two releases."""

from __future__ import annotations

from .cluster import Thing
from .manifests import NO_IMAGE, container, deployment, env, server
from .space import Space, condition


def complete(found: Thing) -> bool:
    """Return whether a Deployment fulfils its spec."""
    status, wished = found.status, found.spec.replicas
    counts = (status.replicas, status.updatedReplicas, status.availableReplicas)
    return status.observedGeneration == found.metadata.generation and [count or 0 for count in counts] == [wished] * 3


def rolled_out(space: Space) -> Thing:
    return space.status("web", "Deployment", complete, "to be rolled out")


def release_of(pod: Thing) -> str | None:
    return next((one.value for one in pod.spec.containers[0].env or [] if one.name == "RELEASE"), None)


def test_a_deployment_grows_shrinks_and_replaces_what_is_lost(space: Space):
    space.create(deployment("web", 1, server()))
    (first,) = space.ready("web", 1)
    space.kubectl("scale", "deployment/web", "--replicas=4")
    four = space.ready("web", 4)
    assert first.metadata.uid in {found.metadata.uid for found in four}
    space.wait(lambda: "4/4" in space.kubectl("get", "deployment", "web"), "the Deployment to say so too")

    lost = four[0]
    space.delete("Pod", lost.metadata.name)
    space.gone("Pod", lost.metadata.name)
    after = space.ready("web", 4)
    assert len({pod.metadata.uid for pod in after} & {pod.metadata.uid for pod in four}) == 3

    space.kubectl("scale", "deployment/web", "--replicas=1")
    space.ready("web", 1)
    space.kubectl("scale", "deployment/web", "--replicas=0")
    space.wait(lambda: not space.all("Pod", "app=web"), "no pod to be left")


def test_an_update_never_has_fewer_ready_pods_than_wished_and_can_be_undone(space: Space):
    space.create(deployment("web", 2, server()))
    rolled_out(space)
    for words, release in (
        (("set", "env", "deployment/web", "RELEASE=2"), "2"),
        (("rollout", "undo", "deployment/web"), None),
    ):
        before = space.read("Deployment", "web")
        space.kubectl(*words)
        assert min(availability(space, before)) >= 2
        space.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
        assert {release_of(pod) for pod in space.ready("web", 2)} == {release}
    assert len(space.kubectl("rollout", "history", "deployment/web").strip().splitlines()) == 4


def availability(space: Space, before: Thing) -> list[int]:
    """Return the number of available pods at each change of the Deployment during a rollout."""
    seen = []
    for _, found in space.changes("Deployment", before):
        seen.append(found.status.availableReplicas or 0)
        if found.metadata.generation > before.metadata.generation and complete(found):
            break
    return seen


def test_pods_are_started_anew_on_request(space: Space):
    space.create(deployment("web", 2, server()))
    before = {pod.metadata.uid for pod in space.ready("web", 2)}
    space.kubectl("rollout", "restart", "deployment/web")
    space.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    assert not before & {pod.metadata.uid for pod in space.ready("web", 2)}


def test_a_broken_release_leaves_the_old_one_serving_and_is_told(space: Space):
    space.create(deployment("web", 2, server(), more={"progressDeadlineSeconds": 5}))
    before = {found.metadata.name for found in rolled_out(space) and space.ready("web", 2)}
    space.kubectl("set", "image", "deployment/web", f"main={NO_IMAGE}")

    def stuck(found: Thing) -> bool:
        progress = condition(found, "Progressing")
        return bool(progress and progress.reason == "ProgressDeadlineExceeded" and found.status.updatedReplicas == 1)

    found = space.status("web", "Deployment", stuck, "to be stuck")
    assert found.status.availableReplicas == 2
    (new,) = {pod.metadata.name for pod in space.all("Pod", "app=web")} - before
    space.waiting(new, "ErrImagePull", "ImagePullBackOff")
    space.kubectl("rollout", "undo", "deployment/web")
    rolled_out(space)
    assert {pod.metadata.name for pod in space.ready("web", 2)} == before


def test_a_release_that_never_gets_ready_leaves_the_old_one_serving(space: Space):
    space.create(deployment("web", 2, server()))
    before = {found.metadata.name for found in rolled_out(space) and space.ready("web", 2)}
    change = {"spec": {"template": {"spec": {"containers": [unready()]}}}}
    space.patch("Deployment", "web", change)
    space.wait(lambda: len(space.all("Pod", "app=web")) == 3, "a pod of the new release")
    (new,) = {pod.metadata.name for pod in space.all("Pod", "app=web")} - before
    space.running(new)
    space.event(new, "Unhealthy", "Readiness probe failed")
    found = space.read("Deployment", "web")
    assert (found.status.availableReplicas, found.status.unavailableReplicas) == (2, 1)
    assert {pod.metadata.name for pod in space.all("Pod", "app=web")} == before | {new}


def unready() -> dict:
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    return container(env=env(RELEASE="2"), readinessProbe=never)
