"""Termination of containers: hooks, SIGTERM, the grace period, and SIGKILL after it."""

from __future__ import annotations

from .cluster import Thing
from .manifests import container, env, pod, python, shell
from .programs import TOLD_TO_LEAVE
from .space import Space, container_of, restarts

DEAF = "trap '' TERM; until test -e /state/go; do sleep 0.1; done"


def deleted(space: Space, name: str) -> Thing:
    """Delete a pod and wait until it is gone; return its last state."""
    before = space.read("Pod", name)
    space.delete("Pod", name)
    return last_seen(space, before)


def last_seen(space: Space, before: Thing) -> Thing:
    last = before
    for change, found in space.changes("Pod", before):
        if change == "DELETED":
            return found if found.status.containerStatuses else last
        last = found
    return last


def test_a_deleted_pod_gets_sigterm_and_its_grace_period(space: Space):
    said = {"preStop": {"exec": {"command": shell("echo hook >> /state/record")}}}
    leaving = container(python(TOLD_TO_LEAVE), lifecycle=said)
    # The second container keeps the pod running, so that the record can be read.
    space.create(pod("leaving", leaving, container(shell(DEAF), "keeps"), terminationGracePeriodSeconds=600))
    space.running("leaving")

    def record() -> list[str]:
        return space.exec("leaving", *shell("cat /state/record || true"), container="keeps").splitlines()

    space.wait(lambda: record() == ["started"], "the container to begin")
    before = space.read("Pod", "leaving")
    space.delete("Pod", "leaving")
    space.wait(lambda: record() == ["started", "hook", "told to leave", "left"], "the hook, the signal and the time")
    found = space.read("Pod", "leaving")
    assert found.metadata.deletionTimestamp
    assert found.metadata.deletionGracePeriodSeconds == 600
    assert "Terminating" in space.kubectl("get", "pod", "leaving")
    space.exec("leaving", "touch", "/state/go", container="keeps")
    ends = last_seen(space, before)  # long before the end of its grace period
    assert container_of(ends).state.terminated.exitCode == 0
    assert space.event("leaving", "Killing")


def test_a_container_is_killed_after_its_grace_period(space: Space):
    space.create(pod("deaf", container(shell(DEAF + "; echo never")), terminationGracePeriodSeconds=2))
    space.running("deaf")
    end = container_of(deleted(space, "deaf")).state.terminated
    assert end.exitCode == 137


def test_a_hook_that_never_ends_uses_up_the_grace_period(space: Space):
    endless = {"preStop": {"exec": {"command": ["sleep", "3600"]}}}
    space.create(pod("hooked", container(lifecycle=endless), terminationGracePeriodSeconds=2))
    space.running("hooked")
    assert container_of(deleted(space, "hooked")).state.terminated
    space.gone("Pod", "hooked")


def test_a_hook_after_the_start_is_run_and_if_it_fails_the_container_is_ended(space: Space):
    good = {"postStart": {"exec": {"command": shell("echo $COLOUR > /state/hook")}}}
    bad = {"postStart": {"exec": {"command": shell("exit 3")}}}
    space.create(
        pod("good", container(lifecycle=good, env=env(COLOUR="blue"))),
        pod("bad", container(lifecycle=bad)),
    )
    space.running("good")
    assert space.exec("good", "cat", "/state/hook").strip() == "blue"
    assert space.event("bad", "FailedPostStartHook").type == "Warning"
    space.status("bad", "Pod", lambda found: restarts(found) >= 1, "to be started again")


def test_a_pod_can_be_deleted_by_force(space: Space):
    space.create(pod("deaf", container(shell(DEAF)), terminationGracePeriodSeconds=600))
    space.running("deaf")
    space.kubectl("delete", "pod", "deaf", "--force", "--grace-period=0")
    space.gone("Pod", "deaf")
