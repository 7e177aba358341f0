"""Readiness, liveness and startup probes."""

from __future__ import annotations

from .cluster import Thing
from .manifests import PORT, container, pod, server, service, shell
from .space import Space, container_of, is_ready, restarts

OFTEN = {"periodSeconds": 1, "timeoutSeconds": 10}


def runs(command: str) -> dict:
    return {"exec": {"command": shell(command)}}


def restarted(pod: Thing) -> bool:
    return restarts(pod) >= 1


def test_a_pod_that_is_not_ready_is_no_endpoint(space: Space):
    asks = {"httpGet": {"path": "/unready", "port": "http"}}
    by_exec = server(readinessProbe={**runs("test ! -e /state/unready"), **OFTEN, "failureThreshold": 1})
    by_http = server(readinessProbe={**asks, **OFTEN, "failureThreshold": 1})
    space.create(service("web", "web"))
    space.create(pod("by-exec", by_exec, labels={"app": "web"}), pod("by-http", by_http, labels={"app": "web"}))
    space.ready("web", 2)
    names = ("by-exec", "by-http")
    space.wait(lambda: space.endpoints("web") == dict.fromkeys(names, True), "two ready endpoints")
    for name in names:
        space.exec(name, "touch", "/state/unready")
    space.wait(lambda: space.endpoints("web") == dict.fromkeys(names, False), "two endpoints that are not ready")
    for name in names:
        assert not is_ready(space.read("Pod", name))
        assert space.event(name, "Unhealthy", "Readiness probe failed").type == "Warning"
        space.exec(name, "rm", "/state/unready")
    space.wait(lambda: space.endpoints("web") == dict.fromkeys(names, True), "two ready endpoints again")
    assert not any(restarted(pod) for pod in space.ready("web", 2))


def test_a_failed_liveness_probe_restarts_the_container_with_an_event(space: Space):
    asks = {
        "by-exec": runs("test ! -e /state/sick"),
        "by-http": {"httpGet": {"path": "/sick", "port": PORT}},
        "by-tcp": {"tcpSocket": {"port": "http"}},
    }
    for name, ask in asks.items():
        started = {**ask, **OFTEN, "failureThreshold": 120}
        living = server(startupProbe=started, livenessProbe={**ask, **OFTEN, "failureThreshold": 2})
        space.create(pod(name, living, labels={"app": "living"}))
    assert not any(restarted(pod) for pod in space.ready("living", 3))
    for name in asks:
        space.exec(name, "touch", "/state/closed" if name == "by-tcp" else "/state/sick")
    for name in asks:
        found = space.status(name, "Pod", restarted, "to be started again")
        assert container_of(found).lastState.terminated
        assert space.event(name, "Unhealthy", "Liveness probe failed").type == "Warning"
        assert space.event(name, "Killing", "failed liveness probe")
    assert len(space.ready("living", 3)) == 3


def test_liveness_probes_wait_for_the_startup_probe(space: Space):
    starts = {**runs("cat /state/started"), **OFTEN, "failureThreshold": 1000}
    lives = {**runs("cat /state/alive"), **OFTEN, "failureThreshold": 1}
    space.create(pod("slow", container(startupProbe=starts, livenessProbe=lives)))
    space.running("slow")
    space.wait(lambda: failures(space, "Startup probe failed") >= 3, "three failed startup probes")
    found = space.read("Pod", "slow")
    assert not restarted(found)
    assert container_of(found).started is False
    assert not is_ready(found)
    space.exec("slow", "touch", "/state/alive", "/state/started")
    found = space.status("slow", "Pod", is_ready, "to be ready")
    assert container_of(found).started is True
    assert not restarted(found)
    assert not failures(space, "Liveness probe failed")
    space.exec("slow", "rm", "/state/alive")
    space.status("slow", "Pod", restarted, "to be started again")


def failures(space: Space, text: str) -> int:
    found = [event for event in space.events("slow") if event.reason == "Unhealthy" and text in event.message]
    return sum(event["count"] or (event.series and event.series["count"]) or 1 for event in found)


def test_a_failed_startup_probe_restarts_the_container(space: Space):
    never = {**runs("false"), **OFTEN, "failureThreshold": 2}
    space.create(pod("never", container(startupProbe=never)))
    space.status("never", "Pod", restarted, "to be started again")
    assert space.event("never", "Killing", "failed startup probe")
