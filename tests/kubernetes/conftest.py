"""Tests of the Kubernetes behaviour that lessons and users need, through its public API: the same tests for every backend.

They run on a running stack, which they find like the `workshop` command:

    WORKSHOP_STATE=... .venv/bin/python -m pytest tests/kubernetes

Each test has a namespace of its own. Nodes are cordoned and tainted briefly; the workshop's services are not moved. If
backends differ (addresses, wording of messages), a test checks only their common part. In particular, a pod gets its
listening address from a variable with `status.podIP`, and the address of a Service from its Service variables; names are not
resolved. The mount path of a volume is written literally in the command that uses it.
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

# Fixtures that need about a minute start with the first test; the tests that use them run later.
SLOW = ("edited", "busy", "ticking", "mistaken")


@pytest.fixture(scope="package")
def cluster(kubernetes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield the running stack's Kubernetes; at the end, wait until these tests' namespaces are deleted."""
    settings = Settings.load()
    if not settings.kubeconfig.exists():
        pytest.fail(f"No Kubernetes runs here: there is no {settings.kubeconfig}. `workshop up` starts one.")
    cluster = Cluster(settings, tmp_path_factory.mktemp("client") / "discovered.json")
    yield cluster
    wait_until(lambda: not left_of(cluster), 180, "the tests' namespaces to vanish", every=1)
    cluster.close()


def left_of(cluster: Cluster) -> list[str]:
    """Return the namespaces of this run that still exist."""
    there = {space.metadata.name for space in cluster.kind("Namespace").get(_request_timeout=60).items}
    return [name for name in cluster.spaces if name in there]


@pytest.fixture
def space(cluster: Cluster) -> Iterator[Space]:
    """Yield a namespace of the test's own."""
    with a_space(cluster) as space:
        yield space


@pytest.fixture(scope="package", autouse=True)
def begun(request: pytest.FixtureRequest) -> None:
    """Start all slow fixtures that a test of this run needs."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    for name in SLOW:
        if name in wanted:
            request.getfixturevalue(name)


@pytest.fixture(scope="package")
def edited(cluster: Cluster) -> Iterator[Space]:
    """Yield a namespace whose pod `reader` prints a mounted file every second.

    The config map of the file has been edited.
    """
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
    """Yield a namespace with a Deployment `busy`, and an autoscaler up to two pods.

    The Deployment uses ten times its CPU request.
    """
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
    """Yield a namespace with a CronJob `tick` and a Job `tried-again`.

    The CronJob runs a pod every minute; the two pods of the Job fail.
    """
    with a_space(cluster) as space:
        space.create(job("tried-again", "exit 1", backoffLimit=1))
        made = {"spec": job("tick", "echo ticked")["spec"]}
        # The default keeps the last three jobs: then a test may see one of them deleted while it reads its log.
        every_minute = {"schedule": "* * * * *", "successfulJobsHistoryLimit": 100, "jobTemplate": made}
        space.create(thing("CronJob", "tick", spec=every_minute))
        yield space


@pytest.fixture(scope="package")
def mistaken(cluster: Cluster) -> Iterator[Space]:
    """Yield a namespace with a pod that crashes repeatedly, and two whose image is not available."""
    with a_space(cluster) as space:
        unknown = container(image=NO_IMAGE)
        space.create(
            pod("crashing", container(shell("echo I crash; exit 3"))),
            pod("unknown", unknown),
            pod("never-pulled", {**unknown, "imagePullPolicy": "Never"}),
        )
        yield space
