"""Manifests with a mistake: what Kubernetes says of it, where, and that it starts as soon as the mistake is mended."""

from __future__ import annotations

import pytest
from workshop.errors import WorkshopError

from .manifests import config_map, container, env, pod, secret, shell
from .space import Space

NO_IMAGE = "registry.example.invalid/no:1"


def test_without_its_config_map_a_container_waits_and_says_which(space: Space):
    wish = env(COLOUR={"configMapKeyRef": {"name": "settings", "key": "colour"}})
    space.create(pod("waiting", container(shell("echo $COLOUR"), env=wish), restartPolicy="Never"))
    assert 'configmap "settings" not found' in space.waiting("waiting", "CreateContainerConfigError").message
    assert space.read("Pod", "waiting").status.phase == "Pending"
    assert space.event("waiting", "Failed", 'configmap "settings" not found').type == "Warning"
    space.create(config_map("settings", colour="blue"))
    space.ended("waiting", "Succeeded")
    assert space.log("waiting").strip() == "blue"


def test_without_its_secret_or_its_key_a_container_waits_and_says_which(space: Space):
    space.create(secret("incomplete", other="x"))
    lost = env(PHRASE={"secretKeyRef": {"name": "lost", "key": "phrase"}})
    incomplete = env(PHRASE={"secretKeyRef": {"name": "incomplete", "key": "phrase"}})
    whole = [{"secretRef": {"name": "lost"}}]
    space.create(
        pod("no-secret", container(shell("echo $PHRASE"), env=lost), restartPolicy="Never"),
        pod("no-key", container(shell("echo $PHRASE"), env=incomplete)),
        pod("no-whole", container(shell("echo $phrase"), envFrom=whole), restartPolicy="Never"),
    )
    assert 'secret "lost" not found' in space.waiting("no-secret", "CreateContainerConfigError").message
    assert 'secret "lost" not found' in space.waiting("no-whole", "CreateContainerConfigError").message
    message = space.waiting("no-key", "CreateContainerConfigError").message
    assert "couldn't find key phrase in Secret" in message
    assert "incomplete" in message
    space.create(secret("lost", phrase="open sesame"))
    for name in ("no-secret", "no-whole"):
        space.ended(name, "Succeeded")
        assert space.log(name).strip() == "open sesame"


def test_without_what_it_mounts_a_pod_waits_and_says_which(space: Space):
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    app = container(shell("cat /etc/settings/colour"), mounts={"settings": "/etc/settings"})
    space.create(pod("waiting", app, volumes=volumes, restartPolicy="Never"))
    assert space.event("waiting", "FailedMount", 'configmap "settings" not found').type == "Warning"
    assert space.waiting("waiting", "ContainerCreating")
    space.create(config_map("settings", colour="blue"))
    space.ended("waiting", "Succeeded")
    assert space.log("waiting").strip() == "blue"


def test_an_image_that_cannot_be_had_is_named_and_its_pod_can_be_deleted(space: Space):
    unknown = container(image=NO_IMAGE)
    space.create(pod("unknown", unknown), pod("never", {**unknown, "imagePullPolicy": "Never"}))
    assert NO_IMAGE in space.waiting("unknown", "ErrImagePull", "ImagePullBackOff").message
    assert space.waiting("unknown", "ImagePullBackOff")
    assert space.waiting("never", "ErrImageNeverPull")
    assert space.event("unknown", "Failed", NO_IMAGE).type == "Warning"
    with pytest.raises(WorkshopError) as raised:
        space.log("unknown")
    assert "waiting to start" in raised.value.detail
    for name in ("unknown", "never"):
        space.delete("Pod", name)
        space.gone("Pod", name)


def test_a_command_that_is_not_there_is_named(space: Space):
    space.create(pod("mistyped", container(["pyhton", "-c", "pass"]), restartPolicy="Never"))
    found = space.ended("mistyped", "Failed")
    end = found.status.containerStatuses[0].state.terminated
    assert "pyhton" in end.message
    assert end.exitCode in (127, 128)
