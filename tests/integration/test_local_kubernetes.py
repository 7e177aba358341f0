"""Failures of Kubernetes without Docker, on the suite's stack: restarts of crashed parts, and no leftover processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from kubernetes.client import AppsV1Api
from rich.console import Console
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import wait_until
from workshop.lessons.microservices_on_kubernetes import experiments as lesson
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack import lifecycle
from workshop.stack.backends.local_kubernetes import AGENT, PLANE
from workshop.stack.kubernetes.kubectl import NAMESPACE, kubectl

pytestmark = pytest.mark.usefixtures("kubernetes")
WAIT = 240.0


@pytest.fixture
def api(ws: Connection) -> Iterator[object]:
    if ws.backend != "local" or not ws.payments:
        pytest.skip("this stack has no Kubernetes of the backend local")
    yield lesson.ensure(ws, replicas=2)
    lifecycle.up(Settings.load(), Timeline(Console(quiet=True)), with_lab=False)
    deployments.restore(ws)


def program(ws: Connection, name: str) -> psutil.Process:
    """Return the process that a component's supervisor runs."""
    supervisor = Processes(ws.settings.state).running()[name]
    return wait_until(lambda: next(iter(supervisor.children()), None), WAIT, f"{name} to run")


def pod_processes(ws: Connection) -> set[int]:
    """Return all processes of the stack's pods, anywhere in the process tree."""
    mark, state, found = b"WORKSHOP_NODE=", ws.settings.state.resolve(), set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            # The node's folder is named by a link where the path of the checkout needs quoting.
            nodes = [Path(os.fsdecode(one.removeprefix(mark))) for one in variables if one.startswith(mark)]
            if any(node.resolve().is_relative_to(state) for node in nodes):
                found.add(int(entry.name))
    return found


def has_ended(process: int) -> bool:
    """Return whether a process has ended; in a container, its parent may leave it as a zombie."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def answers(ws: Connection, seconds: float = 5) -> bool:
    try:
        return httpx.get(f"{ws.payments}/readyz", trust_env=False, timeout=seconds).status_code == 200
    except httpx.HTTPError:
        return False


def all_ready(api, count: int) -> bool:
    return [pod.state for pod in pods.pods(api, "payments")] == ["ready"] * count


@contextmanager
def pods_kept(api) -> Iterator[None]:
    """Let Kubernetes evict no pod of a node that is silent for less than ten minutes; it waits for 5 s by default."""
    set_patience(api, 600)
    try:
        yield
    finally:
        set_patience(api, 5)


def set_patience(api, seconds: int) -> None:
    for pod in api.list_namespaced_pod(NAMESPACE).items:
        for toleration in pod.spec.tolerations:
            if toleration.toleration_seconds is not None:
                toleration.toleration_seconds = seconds
        tolerations = api.api_client.sanitize_for_serialization(pod.spec.tolerations)
        api.patch_namespaced_pod(pod.metadata.name, NAMESPACE, {"spec": {"tolerations": tolerations}})


def test_an_agent_that_was_killed_comes_back_and_its_pods_are_started_again_and_counted(ws: Connection, api) -> None:
    with pods_kept(api):
        before = {pod.name: pod.restarts for pod in pods.pods(api)}
        old, agent = pod_processes(ws), program(ws, AGENT)
        assert old
        agent.send_signal(signal.SIGKILL)
        wait_until(lambda: all(map(has_ended, old)), WAIT, "the killed agent's pods to end")
        wait_until(lambda: all_ready(api, 2) and answers(ws), WAIT, "payments to answer again")
        wait_until(
            lambda: {pod.name: pod.restarts for pod in pods.pods(api)} == {name: n + 1 for name, n in before.items()},
            WAIT,
            "each pod's restart to be counted",
            detail=lambda: str(pods.pods(api)),
        )
    assert program(ws, AGENT).pid != agent.pid


def test_pods_go_on_while_the_control_plane_is_dead_and_it_forgets_nothing(ws: Connection, api) -> None:
    from kubernetes.client import V1ConfigMap, V1ObjectMeta

    name = f"kept-{os.getpid()}"
    api.create_namespaced_config_map(NAMESPACE, V1ConfigMap(metadata=V1ObjectMeta(name=name), data={"a": "1"}))
    before = {pod.name: pod.restarts for pod in pods.pods(api)}
    program(ws, PLANE).send_signal(signal.SIGKILL)
    assert answers(ws, 30)  # balancer and services need the control plane for changes only

    def there() -> bool:
        try:
            return api.read_namespaced_config_map(name, NAMESPACE, _request_timeout=5).data == {"a": "1"}
        except Exception:
            assert answers(ws, 30)
            return False

    wait_until(there, WAIT, "the control plane to be back with what it knew", every=0.2)
    api.delete_namespaced_config_map(name, NAMESPACE)
    deployments.scale(ws, 3)  # the restarted control plane works
    wait_until(lambda: all_ready(api, 3), WAIT, "a third pod")
    assert {pod.name: pod.restarts for pod in pods.pods(api) if pod.name in before} == before


def test_a_killed_supervisor_takes_its_processes_along_and_up_repairs_that(ws: Connection, api) -> None:
    old = pod_processes(ws)
    Processes(ws.settings.state).signal(AGENT, signal.SIGKILL)
    wait_until(lambda: all(map(has_ended, old)), WAIT, "its pods to end")
    assert AGENT not in Processes(ws.settings.state).running()
    lifecycle.up(Settings.load(), Timeline(Console(quiet=True)), with_lab=False)
    wait_until(lambda: all_ready(api, 2) and answers(ws), WAIT, "payments to answer again")


def test_a_lost_nodes_pods_come_up_elsewhere(ws: Connection, api) -> None:
    lost = pods.pods(api, "payments")[0].node
    try:
        ws.nodes.lose(lost)
        wait_until(
            lambda: (
                all(pod.node != lost for pod in pods.pods(api, "payments") if pod.state == "ready")
                and sum(pod.state == "ready" for pod in pods.pods(api, "payments")) == 2
            ),
            WAIT,
            "two ready pods elsewhere",
        )
        assert ws.nodes.states()[lost] == "stopped"
    finally:
        ws.nodes.restore()
    assert set(ws.nodes.states().values()) == {"running"}
    # The pods of the lost node are removed: exactly two pods remain.
    wait_until(lambda: all_ready(api, 2), WAIT, "two pods, and no third")


def test_a_node_that_somebody_deleted_comes_back_and_has_pods_again(ws: Connection, api) -> None:
    name = pods.pods(api, "payments")[0].node
    old = api.read_node(name).metadata.uid
    api.delete_node(name)

    def back() -> bool:
        found = api.list_node(field_selector=f"metadata.name={name}").items
        return any(
            condition.type == "Ready" and condition.status == "True"
            for node in found
            if node.metadata.uid != old
            for condition in node.status.conditions or []
        )

    wait_until(back, WAIT, "the node to be back")
    wait_until(lambda: all_ready(api, 2) and answers(ws), WAIT, "two pods, and an answer")


def test_services_are_restored_while_the_status_of_their_deployment_changes(ws: Connection, api) -> None:
    """The controller updates the Deployment's status meanwhile, so a write with an old version is refused."""
    deployments.change(ws, {"env": [{"name": "LEFT_BY_SOMEBODY", "value": "1"}]})
    over, wrote = threading.Event(), []

    def note_on() -> None:
        client = AppsV1Api(api.api_client)
        while not over.is_set():
            body = {"metadata": {"annotations": {"noted": str(len(wrote))}}}
            wrote.append(client.patch_namespaced_deployment("payments", NAMESPACE, body))

    noting = threading.Thread(target=note_on)
    noting.start()
    try:
        wait_until(lambda: wrote, WAIT, "the first note")
        for _ in range(5):
            deployments.restore(ws)
    finally:
        over.set()
        noting.join()
    container = (
        AppsV1Api(api.api_client).read_namespaced_deployment("payments", NAMESPACE).spec.template.spec.containers[0]
    )
    assert "LEFT_BY_SOMEBODY" not in {variable.name for variable in container.env or []}


def test_services_with_outdated_broker_addresses_are_restarted(ws: Connection, api) -> None:
    """As after an `up` with other ports: pods still have the addresses of the old ConfigMap."""
    elsewhere = '{"data":{"KAFKA_BOOTSTRAP":"127.0.0.1:1"}}'
    kubectl(ws.settings, "patch", "configmap", "workshop", "--patch", elsewhere)
    program(ws, AGENT).send_signal(signal.SIGKILL)
    wait_until(
        lambda: {pod.state for pod in pods.pods(api, "payments")} == {"not ready"} and not answers(ws),
        WAIT,
        "payments that finds no broker",
    )
    lifecycle.up(Settings.load(), Timeline(Console(quiet=True)), with_lab=False)
    wait_until(lambda: all_ready(api, 2) and answers(ws), WAIT, "payments to answer again")


def web(name: str, command: list[str], port: int, **probes: dict) -> dict:
    main = {
        "name": "main",
        "image": "workshop/services:1",
        "command": command,
        "ports": [{"containerPort": port}],
        **probes,
    }
    spec = {"terminationGracePeriodSeconds": 1, "containers": [main]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_an_event_names_the_program_that_uses_a_pods_port(ws: Connection, api) -> None:
    """Programs that bind all addresses conflict across pods, and one can answer in place of the other."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    serving = ["python", "-m", "http.server", str(port)]
    ready = {"readinessProbe": {"httpGet": {"path": "/", "port": port}, "periodSeconds": 1}}
    names = ["takes-the-port", "has-no-port", "is-mistaken", "elsewhere"]

    def events(name: str) -> str:
        about = (
            "get",
            "events",
            f"--field-selector=involvedObject.name={name}",
            "--output=jsonpath={.items[*].message}",
        )
        return kubectl(ws.settings, *about)

    def said(name: str, text: str) -> None:
        wait_until(lambda: text in events(name), WAIT, f"an event of {name}: {text}", detail=lambda: events(name))

    def create(pod: dict) -> None:
        kubectl(ws.settings, "create", "--filename=-", data=json.dumps(pod))

    try:
        create(web(names[0], serving, port, livenessProbe=ready["readinessProbe"], **ready))
        kubectl(
            ws.settings, "wait", "--for=condition=Ready", f"pod/{names[0]}", f"--timeout={WAIT:.0f}s", timeout=WAIT + 10
        )
        create(web(names[1], serving, port))
        create(web(names[2], ["sleep", "600"], port, **ready))
        said(names[1], f"port {port} is taken by pod {NAMESPACE}/{names[0]}")
        said(names[2], f"port {port} is answered by pod {NAMESPACE}/{names[0]}, not by this pod")
        kubectl(ws.settings, "delete", "pod", *names[:3])
        create(web(names[3], [*serving, "--bind", "127.0.0.1"], port, **ready))
        said(names[3], "its program listens at 127.0.0.1 only")
    finally:
        kubectl(ws.settings, "delete", "pod", "--ignore-not-found", *names)


def test_what_ends_leaves_no_process(ws: Connection, api) -> None:
    deployments.scale(ws, 0)
    wait_until(lambda: not pods.pods(api, "payments"), WAIT, "no pods")
    wait_until(lambda: not answers(ws), WAIT, "nobody to answer")
    of_payments = [one for one in pod_processes(ws) if "services.payments.main" in _command(one)]
    assert of_payments == []
    deployments.scale(ws, 2)
    wait_until(lambda: all_ready(api, 2) and answers(ws), WAIT, "payments to answer again")


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def test_kubernetes_listens_on_loopback_only(ws: Connection, api) -> None:
    listening = []
    for process in (program(ws, PLANE), program(ws, AGENT), *program(ws, AGENT).children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            listening += [one.laddr.ip for one in process.net_connections() if one.status == "LISTEN"]
    assert listening
    assert [address for address in listening if not address.startswith("127.")] == []
