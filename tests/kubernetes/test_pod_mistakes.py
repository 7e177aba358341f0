"""Manifests with a mistake: Kubernetes' messages, and the start of the pod after the correction."""

from __future__ import annotations

import pytest
from workshop.base.errors import WorkshopError

from .manifests import NO_IMAGE, config_map, container, env, pod, secret, shell
from .space import Space

SAY = shell("echo $WORD")


def test_without_what_its_variables_are_from_a_container_waits_and_says_which(space: Space):
    of_map = env(WORD={"configMapKeyRef": {"name": "settings", "key": "colour"}})
    of_secret = env(WORD={"secretKeyRef": {"name": "lost", "key": "phrase"}})
    no_key = env(WORD={"secretKeyRef": {"name": "incomplete", "key": "phrase"}})
    whole = [{"secretRef": {"name": "lost"}}]
    space.create(
        secret("incomplete", other="x"),
        pod("no-map", container(SAY, env=of_map), restartPolicy="Never"),
        pod("no-secret", container(SAY, env=of_secret), restartPolicy="Never"),
        pod("no-whole", container(shell("echo $phrase"), envFrom=whole), restartPolicy="Never"),
        pod("no-key", container(SAY, env=no_key)),
    )
    said = {
        name: space.waiting(name, "CreateContainerConfigError").message for name in ("no-map", "no-whole", "no-key")
    }
    assert 'configmap "settings" not found' in said["no-map"]
    assert 'secret "lost" not found' in said["no-whole"]
    assert "couldn't find key phrase in Secret" in said["no-key"]
    assert "incomplete" in said["no-key"]
    assert 'secret "lost" not found' in space.waiting("no-secret", "CreateContainerConfigError").message
    assert space.read("Pod", "no-map").status.phase == "Pending"
    assert space.event("no-map", "Failed", 'configmap "settings" not found').type == "Warning"

    space.create(config_map("settings", colour="blue"), secret("lost", phrase="open sesame"))
    for name, word in (("no-map", "blue"), ("no-secret", "open sesame"), ("no-whole", "open sesame")):
        space.ended(name, "Succeeded")
        assert space.log(name).strip() == word


def test_without_what_it_mounts_a_pod_waits_and_says_which(space: Space):
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    app = container(shell("cat /etc/settings/colour"), mounts={"settings": "/etc/settings"})
    space.create(pod("waiting", app, volumes=volumes, restartPolicy="Never"))
    assert space.event("waiting", "FailedMount", 'configmap "settings" not found').type == "Warning"
    assert space.waiting("waiting", "ContainerCreating")
    space.create(config_map("settings", colour="blue"))
    space.ended("waiting", "Succeeded")
    assert space.log("waiting").strip() == "blue"


def test_an_image_that_cannot_be_had_is_named_and_its_pod_can_be_deleted(mistaken: Space):
    assert NO_IMAGE in mistaken.waiting("unknown", "ErrImagePull", "ImagePullBackOff").message
    assert mistaken.waiting("unknown", "ImagePullBackOff")
    assert mistaken.waiting("never-pulled", "ErrImageNeverPull")
    assert mistaken.event("unknown", "Failed", NO_IMAGE).type == "Warning"
    with pytest.raises(WorkshopError) as raised:
        mistaken.log("unknown")
    assert "waiting to start" in raised.value.detail
    for name in ("unknown", "never-pulled"):
        mistaken.delete("Pod", name)
        mistaken.gone("Pod", name)


def test_a_command_that_is_not_there_is_named(space: Space):
    space.create(pod("mistyped", container(["pyhton", "-c", "pass"]), restartPolicy="Never"))
    found = space.ended("mistyped", "Failed")
    end = found.status.containerStatuses[0].state.terminated
    assert "pyhton" in end.message
    assert end.exitCode in (127, 128)
