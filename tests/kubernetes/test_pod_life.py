"""Life cycle of pods: phases, exit codes, restart policies, limits, init containers."""

from __future__ import annotations

import re

from .cluster import Thing
from .manifests import container, pod, python, shell
from .programs import GREEDY
from .space import Space, condition, container_of, restarts

ONCE = "test -e /state/seen && exit 0; touch /state/seen; exit 4"  # fails at the first run, succeeds at the second


def test_a_pod_ends_as_its_containers_do(space: Space):
    two = [container(shell("exit 0"), "good"), container(shell("exit 3"), "bad")]
    space.create(
        pod("good", container(shell("echo well done")), restartPolicy="Never"),
        pod("bad", container(shell("exit 5")), restartPolicy="Never"),
        pod("both", *two, restartPolicy="Never"),
    )
    good, bad, both = space.ended("good", "Succeeded"), space.ended("bad", "Failed"), space.ended("both", "Failed")
    ends = [container_of(good), container_of(bad), container_of(both, "good"), container_of(both, "bad")]
    assert [end.state.terminated.exitCode for end in ends] == [0, 5, 0, 3]
    assert [end.state.terminated.reason for end in ends] == ["Completed", "Error", "Completed", "Error"]
    assert [end.restartCount for end in ends] == [0, 0, 0, 0]
    assert condition(good, "Ready").reason == "PodCompleted"
    assert condition(bad, "Ready").status == "False"


def test_a_restart_policy_decides_who_is_started_again(space: Space):
    space.create(
        pod("on-failure", container(shell(ONCE)), restartPolicy="OnFailure"),
        pod("always", container(shell("exit 0")), restartPolicy="Always"),
    )
    again = container_of(space.ended("on-failure", "Succeeded"))
    assert (again.restartCount, again.lastState.terminated.exitCode, again.state.terminated.exitCode) == (1, 4, 0)
    always = space.status("always", "Pod", lambda pod: restarts(pod) >= 1, "to be started again")
    assert container_of(always).lastState.terminated.reason == "Completed"
    assert always.status.phase == "Running"


def test_a_container_that_crashes_again_and_again_is_held_back(mistaken: Space):
    state = mistaken.waiting("crashing", "CrashLoopBackOff")
    assert "restarting failed container" in state.message
    found = mistaken.read("Pod", "crashing")
    assert restarts(found) >= 1
    assert container_of(found).lastState.terminated.exitCode == 3
    assert found.status.phase == "Running"
    assert mistaken.event("crashing", "BackOff").type == "Warning"


def test_a_container_over_its_memory_limit_is_killed_and_that_is_its_reason(space: Space):
    bounded = {"requests": {"memory": "32Mi"}, "limits": {"memory": "64Mi"}}
    space.create(pod("greedy", container(python(GREEDY), resources=bounded), restartPolicy="Never"))
    end = container_of(space.ended("greedy", "Failed")).state.terminated
    assert (end.reason, end.exitCode) == ("OOMKilled", 137)


def test_a_container_may_be_privileged(space: Space):
    privileged = container(shell("echo done"), securityContext={"privileged": True})
    space.create(pod("privileged", privileged, restartPolicy="Never"))
    space.ended("privileged", "Succeeded")
    assert space.log("privileged").strip() == "done"


def test_a_pod_that_outlives_its_deadline_is_ended(space: Space):
    space.create(pod("late", activeDeadlineSeconds=2))
    assert space.ended("late", "Failed").status.reason == "DeadlineExceeded"


def test_init_containers_run_one_after_the_other_before_the_others(space: Space):
    slow = container(shell("sleep 1; echo one >> /state/order"), "one")
    quick = container(shell("echo two >> /state/order"), "two")
    app = container(shell("echo app >> /state/order; cat /state/order"))
    space.create(pod("ordered", app, initContainers=[slow, quick], restartPolicy="Never"))
    found = space.ended("ordered", "Succeeded")
    assert space.log("ordered").split() == ["one", "two", "app"]
    assert [s.state.terminated.exitCode for s in found.status.initContainerStatuses] == [0, 0]
    assert condition(found, "Initialized").status == "True"


def test_an_init_container_that_fails_keeps_the_others_from_starting(space: Space):
    failing = [container(shell("exit 9"), "prepare")]
    space.create(
        pod("given-up", container(shell("echo never")), initContainers=failing, restartPolicy="Never"),
        pod("tried-again", container(shell("echo never")), initContainers=failing),
    )
    given_up = space.ended("given-up", "Failed")
    assert given_up.status.initContainerStatuses[0].state.terminated.exitCode == 9
    assert container_of(given_up).state.terminated is None
    assert "Init:Error" in space.kubectl("get", "pod", "given-up")

    held = space.status("tried-again", "Pod", init_restarts, "its init container to be started again")
    assert held.status.phase == "Pending"
    assert condition(held, "Initialized").status == "False"
    assert container_of(held).state.waiting.reason == "PodInitializing"
    assert re.search("Init:(Error|CrashLoopBackOff|0/1)", space.kubectl("get", "pod", "tried-again"))
    assert "prepare" in space.event("tried-again", "BackOff").message


def init_restarts(pod: Thing) -> int:
    return sum(status.restartCount for status in pod.status.initContainerStatuses or [])
