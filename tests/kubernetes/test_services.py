"""Services: addresses, and the choice of pods for requests."""

from __future__ import annotations

import json

from .manifests import PORT, apart, container, deployment, env, field, pod, python, server, service, thing
from .programs import ASK
from .space import Space

HERE = ("WEB_SERVICE_HOST", "WEB_SERVICE_PORT")


def test_pods_reach_one_another_on_every_node(space: Space):
    count = len(space.cluster.workers())
    space.create(deployment("web", count, server(), affinity=apart("web")))
    names = [found.metadata.name for found in space.ready("web", count)]
    addresses = {name: space.exec(name, "printenv", "POD_IP").strip() for name in names}
    for name, address in addresses.items():
        assert space.ask(names[0], address, PORT, 1) == {name: 1}
        assert space.ask(name, addresses[names[0]], PORT, 1) == {names[0]: 1}


def test_a_service_spreads_connections_over_the_ready_pods(space: Space):
    space.create(service("web", "web"))
    space.create(deployment("web", 3, server()), pod("client"))
    names = {found.metadata.name for found in space.ready("web", 3)}
    space.running("client")
    space.wait(lambda: set(space.ask("client", *HERE, 60)) == names, "all three to be asked, and nobody else")
    assert sum(space.ask("client", *HERE, 60).values()) == 60

    sick = min(names)
    space.exec(sick, "touch", "/state/unready")
    space.wait(
        lambda: set(space.ask("client", *HERE, 40)) == names - {sick}, "the one that is not ready to be left out"
    )
    space.exec(sick, "rm", "/state/unready")
    space.wait(lambda: set(space.ask("client", *HERE, 60)) == names, "all three to be asked again")


def test_a_service_without_ready_pods_refuses_and_takes_the_first_that_comes(space: Space):
    space.create(service("web", "web"))
    space.create(pod("client"))
    space.running("client")
    (answer,) = space.ask("client", *HERE, 1)
    assert answer.startswith("failed")
    space.create(pod("web", server()))
    space.wait(lambda: space.ask("client", *HERE, 3) == {"web": 3}, "the first pod to be asked")
    space.kubectl("label", "pod", "web", "app=other", "--overwrite")
    space.wait(lambda: "web" not in space.ask("client", *HERE, 1), "the pod that is no longer selected to be left out")


def test_a_service_on_a_port_of_roots_answers_or_says_why_not(space: Space):
    space.create(service("web", "web", ports=[{"port": 80, "targetPort": "http"}]))
    space.create(pod("web", server()), pod("client"))
    space.ready("web", 1)
    space.running("client")
    space.wait(
        lambda: (
            space.ask("client", *HERE, 1) == {"web": 1}
            or "ports below 1024 are for root" in space.kubectl("describe", "service", "web")
        ),
        "an answer, or a reason",
    )


def test_a_node_port_leads_to_the_service_on_the_node(space: Space):
    space.create(service("web", "web", type="NodePort"))
    port = space.read("Service", "web").spec.ports[0].nodePort
    space.create(pod("web", server()), pod("client", container(env=env(HOST_IP=field("status.hostIP")))))
    space.ready("web", 1)
    space.running("client")
    space.wait(lambda: space.ask("client", "HOST_IP", port, 5) == {"web": 5}, "the pod to be asked")


def test_a_pod_that_leaves_gets_no_new_connection_and_no_request_fails(space: Space):
    space.create(service("web", "web"))
    space.create(deployment("web", 2, server(), terminationGracePeriodSeconds=600), pod("client"))
    names = {found.metadata.name for found in space.ready("web", 2)}
    asking = container(python(ASK, *HERE, "1000000", "0.05"))
    space.running("client")
    space.wait(lambda: set(space.ask("client", *HERE, 40)) == names, "both to be asked")
    space.create(pod("asking", asking, restartPolicy="Never"))
    space.running("asking")

    leaves, stays = sorted(names)
    space.exec(leaves, "touch", "/state/stay")
    space.delete("Pod", leaves)
    space.wait(lambda: leaves not in space.ask("client", *HERE, 40), "the one that leaves to be left out")
    assert space.read("Pod", leaves).metadata.deletionTimestamp
    assert space.endpoints("web").get(leaves, False) is False
    assert space.endpoints("web")[stays] is True
    space.exec(leaves, "rm", "/state/stay")
    space.gone("Pod", leaves)

    (new,) = {found.metadata.name for found in space.ready("web", 2)} - {stays}
    space.wait(lambda: new in space.ask("client", *HERE, 40), "the new one to be asked")
    space.exec("asking", "touch", "/state/enough")
    space.ended("asking", "Succeeded")
    answers = json.loads(space.log("asking"))
    assert set(answers) <= {*names, new}, "a request failed"
    assert {stays, leaves} <= set(answers)


def test_the_api_server_leads_to_a_pod_and_to_a_service(space: Space):
    space.create(service("web", "web"), pod("web", server()))
    space.ready("web", 1)
    space.wait(lambda: space.endpoints("web") == {"web": True}, "the pod to be an endpoint")
    for what in (f"pods/web:{PORT}", "services/web:8000"):
        answer = space.cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{space.name}/{what}/proxy/")
        assert answer.strip() == "web"


def test_an_external_name_becomes_a_service_with_pods(space: Space):
    space.create(thing("Service", "web", spec={"type": "ExternalName", "externalName": "web.example.invalid"}))
    space.create(pod("web", server()))
    space.ready("web", 1)
    space.patch("Service", "web", {"spec": {"externalName": None, **service("web", "web")["spec"], "type": "NodePort"}})
    space.create(pod("client"))
    space.running("client")
    space.wait(lambda: space.ask("client", *HERE, 3) == {"web": 3}, "the Service to lead to the pod")
