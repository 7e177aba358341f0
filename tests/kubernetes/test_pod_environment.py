"""Command, arguments and variables of a container."""

from __future__ import annotations

import ipaddress
import json

from .manifests import config_map, container, env, field, pod, python, secret
from .programs import VARIABLES
from .space import Space

BIND = "import os, socket; socket.create_server((os.environ['POD_IP'], 8080)); print('bound')"


def test_commands_and_arguments_have_their_variables_filled_in(space: Space):
    variables = env(NAME="world", GREETING="hello $(NAME)", LATER="$(LATEST)", LATEST="x", MONEY="$$(NAME)")
    words = ["$(GREETING)", "$$(GREETING)", "$(UNKNOWN)", "a $(NAME) b", "$NAME", "5$"]
    command = python(
        "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['LATER'], os.environ['MONEY']]))"
    )
    space.create(pod("told", container(command, args=words, env=variables), restartPolicy="Never"))
    space.ended("told", "Succeeded")
    arguments, later, money = json.loads(space.log("told"))
    assert arguments == ["hello world", "$(GREETING)", "$(UNKNOWN)", "a world b", "$NAME", "5$"]
    assert (later, money) == ("$(LATEST)", "$(NAME)")


def test_a_working_folder_is_where_a_command_begins(space: Space):
    space.create(
        pod("there", container(python("import os; print(os.getcwd())"), workingDir="/usr"), restartPolicy="Never")
    )
    space.ended("there", "Succeeded")
    assert space.log("there").strip() == "/usr"


def test_variables_come_from_texts_config_maps_and_secrets(space: Space):
    space.create(config_map("settings", COLOUR="blue", SIZE="7", both="map"), secret("keys", PHRASE="open sesame"))
    space.create(pod("told", container(python(VARIABLES), env=chosen(), envFrom=everything()), restartPolicy="Never"))
    space.ended("told", "Succeeded")
    told = json.loads(space.log("told"))
    assert told["TEXT"] == "as it stands"
    assert (told["OF_MAP"], told["OF_SECRET"]) == ("blue", "open sesame")
    assert (told["CFG_SIZE"], told["CFG_both"]) == ("7", "map")
    assert told["PHRASE"] == "open sesame"
    assert told["CFG_COLOUR"] == "red"  # `env` overrides `envFrom`
    assert not {"ABSENT_KEY", "ABSENT_MAP", "SIZE"} & set(told)


def chosen() -> list[dict]:
    of_map = {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}
    of_secret = {"secretKeyRef": {"name": "keys", "key": "PHRASE"}}
    no_key = {"configMapKeyRef": {"name": "settings", "key": "no-such-key", "optional": True}}
    no_map = {"secretKeyRef": {"name": "no-such-secret", "key": "any", "optional": True}}
    texts = env(TEXT="as it stands", CFG_COLOUR="red")
    return texts + env(OF_MAP=of_map, OF_SECRET=of_secret, ABSENT_KEY=no_key, ABSENT_MAP=no_map)


def everything() -> list[dict]:
    return [
        {"prefix": "CFG_", "configMapRef": {"name": "settings"}},
        {"secretRef": {"name": "keys"}},
        {"configMapRef": {"name": "no-such-map", "optional": True}},
    ]


def test_a_pod_knows_itself_by_its_fields(space: Space):
    limits = {"requests": {"memory": "32Mi", "cpu": "10m"}, "limits": {"memory": "64Mi"}}
    made = pod("myself", container(python(VARIABLES), env=fields(), resources=limits), restartPolicy="Never")
    made["metadata"]["labels"]["tier"] = "front"
    made["metadata"]["annotations"] = {"example.com/owner": "somebody"}
    space.create(made)
    found = space.ended("myself", "Succeeded")
    told = json.loads(space.log("myself"))
    assert (told["NAME"], told["NAMESPACE"], told["UID"]) == ("myself", space.name, found.metadata.uid)
    assert (told["TIER"], told["OWNER"]) == ("front", "somebody")
    assert told["NODE"] == found.spec.nodeName
    assert told["ACCOUNT"] == "default"
    assert (told["BYTES"], told["MEBIBYTES"], told["MILLICPU"]) == (str(64 * 2**20), "64", "10")
    assert ipaddress.ip_address(told["HOST_IP"])
    assert ipaddress.ip_address(found.status.podIP)


def fields() -> list[dict]:
    def resource(name: str, divisor: str) -> dict:
        return {"resourceFieldRef": {"resource": name, "divisor": divisor}}

    return env(
        NAME=field("metadata.name"),
        NAMESPACE=field("metadata.namespace"),
        UID=field("metadata.uid"),
        TIER=field("metadata.labels['tier']"),
        OWNER=field("metadata.annotations['example.com/owner']"),
        NODE=field("spec.nodeName"),
        ACCOUNT=field("spec.serviceAccountName"),
        HOST_IP=field("status.hostIP"),
        BYTES=resource("limits.memory", "1"),
        MEBIBYTES=resource("limits.memory", "1Mi"),
        MILLICPU=resource("requests.cpu", "1m"),
    )


def test_pods_of_one_node_have_addresses_of_their_own(space: Space):
    node = space.cluster.workers()[0]
    listening = container(python(BIND + "; import time; time.sleep(3600)"), env=env(POD_IP=field("status.podIP")))
    selector = space.cluster.on(node)
    space.create(*(pod(name, listening, nodeSelector=selector) for name in ("one", "other")))
    for name in ("one", "other"):
        space.running(name)
        space.wait(lambda name=name: "bound" in space.log(name), f"{name} to listen")
    assert space.read("Pod", "one").status.podIP != space.read("Pod", "other").status.podIP
