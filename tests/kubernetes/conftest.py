"""What lessons and users rely on in Kubernetes, as tests over its public API: the same ones, unchanged, for every backend.

They run on a stack that is up already, found as the `workshop` command finds it:

    WORKSHOP_STATE=... .venv/bin/python -m pytest tests/kubernetes

Each test has a namespace of its own. Nodes are cordoned and tainted for moments; the workshop's services stay where they are.
Where backends may differ (addresses, the words of a sentence), a test asks for what they have in common. In particular: a pod
learns the address at which it listens from its variable with `status.podIP`, and a Service's from the variables that it is
given; names are not resolved. A path at which a volume is mounted stands literally in the command that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until

from .cluster import Cluster
from .manifests import NO_IMAGE, config_map, container, deployment, job, pod, python, shell, thing
from .programs import BUSY
from .space import Space, a_space

# What takes about a minute by nature begins with the first test; its own test looks at it later.
SLOW = ("edited", "busy", "ticking", "mistaken")


@pytest.fixture(scope="package")
def cluster(kubernetes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The running stack's Kubernetes; in the end the namespaces of these tests have vanished."""
    settings = Settings.load()
    if not settings.kubeconfig.exists():
        pytest.fail(f"No Kubernetes runs here: there is no {settings.kubeconfig}. `workshop up` starts one.")
    cluster = Cluster(settings, tmp_path_factory.mktemp("client") / "discovered.json")
    yield cluster
    wait_until(lambda: not left_of(cluster), 180, "the tests' namespaces to vanish", every=1)
    cluster.close()


def left_of(cluster: Cluster) -> list[str]:
    """This run's namespaces that are still there."""
    there = {space.metadata.name for space in cluster.kind("Namespace").get(_request_timeout=60).items}
    return [name for name in cluster.spaces if name in there]


@pytest.fixture
def space(cluster: Cluster) -> Iterator[Space]:
    """A namespace of the test's own."""
    with a_space(cluster) as space:
        yield space


@pytest.fixture(scope="package", autouse=True)
def begun(request: pytest.FixtureRequest) -> None:
    """Whatever of the slow things is asked for by a test of this run has begun."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    for name in SLOW:
        if name in wanted:
            request.getfixturevalue(name)


@pytest.fixture(scope="package")
def edited(cluster: Cluster) -> Iterator[Space]:
    """A namespace in which the pod `reader` says each second what the mounted file holds, which was edited meanwhile."""
    with a_space(cluster) as space:
        saying = shell("while sleep 1; do echo $(cat /etc/mounted/word); done")
        volume = {"name": "mounted", "configMap": {"name": "mounted"}}
        space.create(config_map("mounted", word="first"))
        space.create(pod("reader", container(saying, mounts={"mounted": "/etc/mounted"}), volumes=[volume]))
        space.running("reader")
        space.wait(lambda: "first" in space.log("reader"), "the reader to see the file")
        space.patch("ConfigMap", "mounted", {"data": {"word": "second"}})
        yield space


@pytest.fixture(scope="package")
def busy(cluster: Cluster) -> Iterator[Space]:
    """A namespace with a Deployment `busy` that takes ten times its CPU request, and an autoscaler up to two pods."""
    with a_space(cluster) as space:
        small = {"requests": {"cpu": "10m", "memory": "16Mi"}}
        space.create(deployment("busy", 1, container(python(BUSY), resources=small)))
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"}
        metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
        wish = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
        metrics = [{"type": "Resource", "resource": metric}]
        space.create(thing("HorizontalPodAutoscaler", "busy", spec={**wish, "metrics": metrics}))
        yield space


@pytest.fixture(scope="package")
def ticking(cluster: Cluster) -> Iterator[Space]:
    """A namespace with a CronJob `tick` that runs a pod each minute, and a Job `tried-again` whose two pods fail."""
    with a_space(cluster) as space:
        space.create(job("tried-again", "exit 1", backoffLimit=1))
        made = {"spec": job("tick", "echo ticked")["spec"]}
        space.create(thing("CronJob", "tick", spec={"schedule": "* * * * *", "jobTemplate": made}))
        yield space


@pytest.fixture(scope="package")
def mistaken(cluster: Cluster) -> Iterator[Space]:
    """A namespace with a pod that ends again and again, and two whose image cannot be had."""
    with a_space(cluster) as space:
        unknown = container(image=NO_IMAGE)
        space.create(
            pod("crashing", container(shell("echo I crash; exit 3"))),
            pod("unknown", unknown),
            pod("never-pulled", {**unknown, "imagePullPolicy": "Never"}),
        )
        yield space
