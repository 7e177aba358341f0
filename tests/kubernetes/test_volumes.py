"""Volumes: emptyDir shared by containers, config maps, secrets, the downward API, and the service account's token."""

from __future__ import annotations

import base64
import json

from kubernetes.client import AuthenticationV1Api

from .manifests import config_map, container, pod, python, secret, shell
from .space import Space

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def test_an_empty_folder_is_shared_by_all_containers_of_a_pod(space: Space):
    first = container(shell("echo prepared > /prepare/first"), "prepare", {"shared": "/prepare"})
    asking = "echo question > /here/question; until test -e /here/answer; do sleep 0.1; done; cat /here/answer"
    answering = (
        "until test -e /there/question; do sleep 0.1; done; cat /there/question /there/first;"
        "echo answer > /there/new; mv /there/new /there/answer"
    )
    asks = container(shell(asking), "asks", {"shared": "/here"})
    answers = container(shell(answering), "answers", {"shared": "/there"})
    volumes = [{"name": "shared", "emptyDir": {}}]
    space.create(pod("two", asks, answers, initContainers=[first], volumes=volumes, restartPolicy="Never"))
    space.ended("two", "Succeeded")
    assert space.log("two", "--container=asks").split() == ["answer"]
    assert space.log("two", "--container=answers").split() == ["question", "prepared"]


def test_maps_and_secrets_are_files(space: Space):
    space.create(config_map("settings", colour="blue", size="7"), secret("keys", phrase="open sesame"))
    volumes = [
        {"name": "all", "configMap": {"name": "settings"}},
        {"name": "some", "configMap": {"name": "settings", "items": [{"key": "size", "path": "deep/size"}]}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o440}},
        {"name": "absent", "configMap": {"name": "no-such-map", "optional": True}},
    ]
    look = (
        "ls /etc/all; cat /etc/all/colour; echo; ls /etc/some; cat /etc/some/deep/size; echo;"
        "cat /etc/keys/phrase; echo; stat -L -c %a /etc/keys/phrase /etc/all/size; ls /etc/absent"
    )
    mounts = {"all": "/etc/all", "some": "/etc/some", "keys": "/etc/keys", "absent": "/etc/absent"}
    space.create(pod("reader", container(shell(look), mounts=mounts), volumes=volumes, restartPolicy="Never"))
    space.ended("reader", "Succeeded")
    lines = ["colour", "size", "blue", "deep", "7", "open sesame", "440", "644"]
    assert space.log("reader").splitlines() == lines


def test_one_file_of_a_map_can_be_put_in_place(space: Space):
    space.create(config_map("settings", colour="blue"))
    app = container(shell("cat /etc/one.conf"))
    app["volumeMounts"].append({"name": "settings", "mountPath": "/etc/one.conf", "subPath": "colour"})
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    space.create(pod("reader", app, volumes=volumes, restartPolicy="Never"))
    space.ended("reader", "Succeeded")
    assert space.log("reader") == "blue"


def test_a_pods_own_fields_are_files(space: Space):
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
    ]
    volumes = [{"name": "about", "downwardAPI": {"items": items}}]
    app = container(shell("cat /etc/about/name; echo; cat /etc/about/labels"), mounts={"about": "/etc/about"})
    space.create(pod("myself", app, volumes=volumes, labels={"tier": "front"}, restartPolicy="Never"))
    space.ended("myself", "Succeeded")
    name, *labels = space.log("myself").splitlines()
    assert name == "myself"
    assert {'app="myself"', 'tier="front"'} <= set(labels)


def test_a_pod_holds_a_token_of_its_service_account(space: Space):
    show = shell(f"cat {ACCOUNT}/namespace; echo; cat {ACCOUNT}/token; echo; head -n 1 {ACCOUNT}/ca.crt")
    space.create(pod("holder", container(show), automountServiceAccountToken=True, restartPolicy="Never"))
    space.ended("holder", "Succeeded")
    namespace, token, certificate = space.log("holder").splitlines()
    assert namespace == space.name
    assert certificate == "-----BEGIN CERTIFICATE-----"
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["kubernetes.io"]["namespace"] == space.name
    assert claims["kubernetes.io"]["pod"]["name"] == "holder"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    review = AuthenticationV1Api(space.cluster.client).create_token_review(body, _request_timeout=60)
    assert review.status.user.username == f"system:serviceaccount:{space.name}:default"


def test_mounted_volumes_are_found_by_exec_too(space: Space):
    space.create(config_map("settings", colour="blue"))
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    space.create(pod("reader", container(mounts={"settings": "/etc/settings"}), volumes=volumes))
    space.running("reader")
    assert space.exec("reader", "cat", "/etc/settings/colour") == "blue"
    assert space.exec("reader", *python("print(open('/etc/settings/colour').read())")).strip() == "blue"


def test_an_edited_map_is_seen_by_the_pod_that_mounts_it(edited: Space):
    edited.wait(lambda: edited.log("reader", "--tail=1").strip() == "second", "the edited file to be seen", 150)
    found = edited.read("Pod", "reader")
    assert found.status.containerStatuses[0].restartCount == 0
