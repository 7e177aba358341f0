"""StatefulSets and DaemonSets: pods with an identity, and one pod per node."""

from __future__ import annotations

from .manifests import container, selector, server, shell, template, thing
from .space import Space, is_ready

GATE = {"exec": {"command": shell("test -e /state/ready")}, "periodSeconds": 1, "timeoutSeconds": 10}


def names(space: Space, app: str) -> list[str]:
    return sorted(pod.metadata.name for pod in space.all("Pod", f"app={app}"))


def test_a_stateful_sets_pods_come_in_order_keep_their_names_and_go_from_the_end(space: Space):
    pods = template("db", container(readinessProbe=GATE))
    spec = {"serviceName": "db", "replicas": 2, "selector": selector("db"), "template": pods}
    space.create(thing("StatefulSet", "db", spec=spec))
    space.running("db-0")
    space.status("db", "StatefulSet", lambda found: found.status.replicas == 1, "to have made one pod")
    assert names(space, "db") == ["db-0"]
    space.exec("db-0", "touch", "/state/ready")
    space.running("db-1")
    assert is_ready(space.read("Pod", "db-0"))
    space.exec("db-1", "touch", "/state/ready")
    zero, _ = space.ready("db", 2)

    space.delete("Pod", "db-0")
    again = space.status("db-0", "Pod", lambda pod: pod.metadata.uid != zero.metadata.uid, "to be another pod")
    assert again.metadata.name == "db-0"
    space.running("db-0")
    space.exec("db-0", "touch", "/state/ready")
    space.ready("db", 2)
    space.kubectl("scale", "statefulset/db", "--replicas=1")
    space.gone("Pod", "db-1")
    assert names(space, "db") == ["db-0"]


def test_a_daemon_set_has_one_pod_on_each_worker(space: Space):
    spec = {"selector": selector("agent"), "template": template("agent", server())}
    space.create(thing("DaemonSet", "agent", spec=spec))
    workers = space.cluster.workers()
    found = space.ready("agent", len(workers))
    assert sorted(pod.spec.nodeName for pod in found) == workers
    done = space.status("agent", "DaemonSet", lambda it: it.status.numberReady == len(workers), "to be ready")
    assert done.status.desiredNumberScheduled == len(workers)
    lost = found[0]
    space.delete("Pod", lost.metadata.name)
    space.gone("Pod", lost.metadata.name)
    assert sorted(pod.spec.nodeName for pod in space.ready("agent", len(workers))) == workers
