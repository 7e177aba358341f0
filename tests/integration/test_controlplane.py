"""The control plane: start on an empty folder, stop, crash, and requests with and without the necessary rights."""

from __future__ import annotations

import http.client
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.ports import answers, free_block
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.controlplane import build, certificates
from workshop.stack.kubernetes.controlplane.plane import NAME, ControlPlane

pytestmark = pytest.mark.usefixtures("control_plane")
WRITTEN = 50


class Plane(ControlPlane):
    """A control plane that a test can start and break."""

    @property
    def processes(self) -> Processes:
        return Processes(self.settings.state)

    def start(self) -> None:
        self.processes.start(self.component())
        self.wait()

    def stop(self) -> None:
        self.processes.stop([NAME])

    def kubectl(self, *words: str, **more: Any) -> str:
        return kubectl.kubectl(self.settings, *words, **more)

    def apply(self, *manifests: dict) -> None:
        kubectl.apply(self.settings, manifests)

    def wait_for(self, *words: str) -> None:
        wait_until(
            lambda: self.kubectl("get", *words, "--ignore-not-found", "-o", "name"), 30, " ".join(words), every=0.2
        )


@pytest.fixture
def plane(settings: Settings) -> Iterator[Plane]:
    """Yield a running control plane for a test that stops or breaks it."""
    with started(settings) as own:
        yield own


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Yield a running control plane that tests share which neither stop it nor interfere with each other."""
    state = tmp_path_factory.mktemp("asked") / "state with a space"
    with started(replace(Settings.load(), state=state, patience=240.0)) as own:
        yield own


@contextmanager
def started(settings: Settings) -> Iterator[Plane]:
    """Yield a running control plane on ports and data of its own."""
    if not build.find(settings):
        pytest.skip("THE CONTROL PLANE IS NOT BUILT: `workshop up` compiles it; nothing of it was tested here.")
    # Outside the range in which other tests search for free blocks.
    own = Plane(settings, free_block(replace(settings, first_port=settings.first_port + 1000)))
    try:
        own.start()
        own.first_objects()
        yield own
    finally:
        own.stop()


def config_map(name: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"is": name}}


def as_user(plane: Plane, user: str) -> Plane:
    """Return the same control plane with the credentials of another user."""
    file = plane.settings.state / "other" / "kubeconfig"
    certificates.kubeconfig(file, plane.pki, user, plane.server)
    other = Plane(plane.settings, plane.ports)
    other.settings = replace(plane.settings, state=file.parent)
    return other


def test_controllers_and_scheduler_work(asked: Plane):
    assert asked.kubectl("get", "--raw", "/readyz") == "ok"
    asked.kubectl("create", "deployment", "idle", "--image=none", "--replicas=2")
    asked.wait_for("pods", "-l", "app=idle")
    wait_until(lambda: "FailedScheduling" in asked.kubectl("get", "events"), 30, "the scheduler to say why", every=0.2)
    asked.wait_for("configmap", "kube-root-ca.crt")
    assert asked.kubectl("create", "token", "default").count(".") == 2
    asked.kubectl("delete", "deployment", "idle")  # the garbage collector deletes its pods
    wait_until(
        lambda: not asked.kubectl("get", "pods", "-l", "app=idle", "-o", "name"), 60, "its pods to go", every=0.2
    )


def test_its_work_queues_have_no_metrics_and_no_timers(asked: Plane):
    figures = asked.kubectl("get", "--raw", "/metrics")
    assert "apiserver_request_total" in figures
    # A queue with metrics has a timer of its own: see infra/deploy/controlplane/queues.
    assert "workqueue_" not in figures


def test_a_namespace_goes_with_all_that_is_in_it(plane: Plane):
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    about = {"name": "claim", "namespace": "short"}
    plane.kubectl(
        "delete", "apiservice", "v1beta1.metrics.k8s.io"
    )  # it has no server here, so the deletion of a namespace would wait for it
    plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    plane.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about, "spec": claim})
    plane.kubectl("delete", "namespace", "short", "--timeout=240s", timeout=300)


def test_objects_survive_a_stop_and_a_start(plane: Plane):
    plane.apply(config_map("kept"))
    plane.stop()
    assert not any(answers(port) for port in (plane.ports.api, plane.ports.etcd, plane.ports.etcd_peer))
    plane.start()
    plane.first_objects()  # a repetition changes nothing
    assert plane.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.is}") == "kept"


def test_a_kill_loses_nothing_that_was_acknowledged(plane: Plane):
    for number in range(WRITTEN):
        plane.apply(config_map(f"written-{number}"))
    plane.processes.signal(NAME, signal.SIGKILL)
    plane.start()
    found = plane.kubectl("get", "configmaps", "-o", "name").split()
    assert {f"configmap/written-{number}" for number in range(WRITTEN)} <= set(found)


def test_a_node_reads_the_secrets_of_its_own_pods_only(asked: Plane):
    node = as_user(asked, "node-worker-1")
    for name in ("used", "unused"):
        asked.kubectl("create", "secret", "generic", name, "--from-literal=word=hush")
    asked.wait_for("serviceaccount", "default")
    container = {"name": "main", "image": "none", "envFrom": [{"secretRef": {"name": "used"}}]}
    spec = {"nodeName": "worker-1", "containers": [container]}
    asked.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec})

    def read() -> str:
        try:
            return node.kubectl("get", "secret", "used", "-o", "name")
        except WorkshopError:  # the authorizer receives the pod with a short delay
            return ""

    wait_until(read, 20, "the node to read its pod's secret", every=0.2)
    for words in (("get", "secret", "unused"), ("get", "secrets"), ("delete", "node", "worker-2")):
        with pytest.raises(WorkshopError) as refused:
            node.kubectl(*words)
        assert "Forbidden" in refused.value.detail


def test_a_client_without_a_certificate_is_refused(asked: Plane):
    stranger = ssl.create_default_context(cafile=str(asked.pki / "ca.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", asked.ports.api, context=stranger, timeout=60)
    connection.request("GET", "/api/v1/namespaces")
    assert connection.getresponse().status == 401
    connection.close()


def test_etcd_refuses_clients_without_a_certificate_of_its_authority(asked: Plane):
    def ask(certificate: str | None) -> int:
        context = ssl.create_default_context(cafile=str(asked.pki / "etcd-ca.crt"))
        if certificate:
            context.load_cert_chain(asked.pki / f"{certificate}.crt", asked.pki / f"{certificate}.key")
        connection = http.client.HTTPSConnection("127.0.0.1", asked.ports.etcd, context=context, timeout=60)
        try:
            connection.request("GET", "/version")
            return connection.getresponse().status
        finally:
            connection.close()

    assert ask("apiserver-etcd-client") == 200
    for stranger in (None, "admin"):  # "admin" is of the cluster's authority, which differs from etcd's
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(stranger)


def test_every_port_is_on_loopback_only(asked: Plane):
    listening = {line.laddr for line in asked.processes.running()[NAME].net_connections() if line.status == "LISTEN"}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} == {asked.ports.api, asked.ports.etcd, asked.ports.etcd_peer}


def test_a_port_in_use_is_reported(asked: Plane):
    twin = Plane(replace(asked.settings, state=asked.settings.state / "twin", patience=60), asked.ports)
    with pytest.raises(WorkshopError, match="A port was taken"):
        twin.start()
    twin.stop()


def test_damaged_data_are_reported(plane: Plane):
    plane.stop()
    database: Path = plane.folder / "etcd" / "member" / "snap" / "db"
    database.write_bytes(b"\0" * database.stat().st_size)
    with pytest.raises(WorkshopError, match="Its data are damaged"):
        plane.start()
