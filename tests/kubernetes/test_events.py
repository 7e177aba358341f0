"""Events of a pod in `kubectl describe`."""

from __future__ import annotations

import re

from .manifests import IMAGE, container, pod, shell
from .space import Space

DEAF = "trap '' TERM; until test -e /state/go; do sleep 0.1; done"


def test_a_pods_life_can_be_read_in_its_description(space: Space):
    space.create(pod("lives", container(shell(DEAF)), terminationGracePeriodSeconds=600))
    found = space.running("lives")
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        space.event("lives", reason)
    told = space.kubectl("describe", "pod", "lives")
    events = told[told.index("Events:") :]
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        assert reason in events
    assert f"Successfully assigned {space.name}/lives to {found.spec.nodeName}" in events
    assert IMAGE in events
    assert "kubelet" in events
    assert "Killing" not in events

    space.delete("Pod", "lives")
    space.event("lives", "Killing")
    assert "Killing" in space.kubectl("describe", "pod", "lives")
    space.exec("lives", "touch", "/state/go")
    space.gone("Pod", "lives")


def test_a_pods_state_can_be_read_in_its_description(space: Space):
    space.create(pod("ended", container(shell("exit 3")), restartPolicy="Never"))
    found = space.ended("ended", "Failed")
    told = space.kubectl("describe", "pod", "ended")
    for line in ("Status:[ ]*Failed", "Reason:[ ]*Error", "Exit Code:[ ]*3", f"Node:[ ]*{found.spec.nodeName}"):
        assert re.search(line, told), line
