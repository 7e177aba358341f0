"""The backend `existing` with a namespace: an external cluster, and a service account with the participants' role."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from workshop.base import environment
from workshop.base.ports import free_block
from workshop.base.settings import Settings
from workshop.stack.backends.local_kubernetes import is_built, is_wanted

from . import others, others_cluster
from .others import OthersKafka, run, workshop
from .others_cluster import ALICE, OthersCluster


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OthersKafka]:
    """Yield an external Kafka for this module.

    The participants of the other module have deleted their topics.
    """
    yield from others.given(tmp_path_factory.mktemp("others"))


@pytest.fixture(scope="module")
def cluster(control_plane: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OthersCluster]:
    """Yield an external cluster with a namespace for alice."""
    # The lane's own stack may be without Kubernetes at the moment.
    own = replace(Settings.load(), kubernetes=True, site=None)
    settings = replace(own, state=tmp_path_factory.mktemp("cluster"), patience=240.0)
    if not (is_wanted(settings) and is_built(settings)):
        pytest.skip("NOT RUN: there is no control plane here to be somebody else's cluster.")
    environment.make_folders(settings)
    found = OthersCluster(settings, free_block(settings))
    try:
        others_cluster.start(found)
        yield found
    finally:
        others_cluster.stop(found)


@pytest.fixture(scope="module")
def alice(kafka: OthersKafka, cluster: OthersCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield alice's state folder after `workshop up`."""
    state = tmp_path_factory.mktemp("alice") / "state"
    done = workshop(state, kafka.told("alice") | cluster.told(), "up", "--no-lab")
    assert done.returncode == 0, done.stdout + done.stderr
    yield state
    workshop(state, {}, "down")


def program(state: Path, text: str) -> list:
    """Run a participant's code after `ws = workshop.connect()`; return its last line of output."""
    done = run(state, {}, "-c", f"import json, workshop\nws = workshop.connect()\n{text}")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_all_is_in_the_namespace_and_nothing_outside(cluster: OthersCluster, alice: Path):
    kinds = "deployments,services,configmaps,secrets,poddisruptionbudgets"
    found = json.loads(cluster.kubectl("get", kinds, "-A", "-l", "app.kubernetes.io/part-of=workshop", "-o", "json"))
    names = {(one["metadata"]["namespace"], one["kind"], one["metadata"]["name"]) for one in found["items"]}
    assert {namespace for namespace, _, _ in names} == {ALICE}
    assert (ALICE, "Secret", "workshop-kafka") in names
    service = json.loads(cluster.kubectl("-n", ALICE, "get", "service", "payments", "-o", "json"))
    assert service["spec"]["type"] == "ClusterIP"


def test_no_pod_and_no_config_map_shows_the_password(cluster: OthersCluster, alice: Path):
    told = cluster.kubectl("-n", ALICE, "get", "pods,configmaps,deployments,events", "-o", "json")
    assert "pass word" not in told
    pod = json.loads(cluster.kubectl("-n", ALICE, "get", "pods", "-o", "json"))["items"][0]["metadata"]["name"]
    assert "pass word" not in cluster.kubectl("-n", ALICE, "logs", pod)


def test_a_payment_goes_through_the_services_and_is_debited_once(alice: Path):
    text = """
import uuid, httpx
from workshop.notebook import services
from workshop.base.waiting import wait_until
from datetime import UTC, datetime
key = {"Idempotency-Key": uuid.uuid4().hex}
order = {"card": "card-0007", "terminal": "terminal-1", "amount_cents": 4200, "at": datetime.now(UTC).isoformat()}
answers = [httpx.post(f"{ws.payments}/payments", json=order, headers=key, trust_env=False, timeout=30) for _ in range(2)]
made = {answer.json()["payment_id"] for answer in answers}
last = httpx.post(f"{ws.payments}/payments", json=order, trust_env=False, timeout=30).json()["payment_id"]
wait_until(lambda: services.answered(ws, "debits")[last], 120, "the last payment's debit")
print(json.dumps([[answer.status_code for answer in answers], len(made), services.answered(ws, "debits")[made.pop()]]))
"""
    assert program(alice, text) == [[201, 201], 1, 1]


def test_lessons_scale_roll_out_and_back_and_heal(alice: Path):
    text = """
from workshop.stack.kubernetes import deploy; from workshop.notebook import deployments; from workshop.notebook import pods
from workshop.lessons.microservices_on_kubernetes import experiments as lesson
from workshop.lessons.scaling_under_load import autoscalers, consumers
api = lesson.ensure(ws, replicas=2)
deployments.scale(ws, 3)
pods.ready(api, "payments", 3)
deployments.change(ws, {"env": [{"name": "RELEASE", "value": "2"}]})
pods.ready(api, "payments", 3)
releases = [pod.release for pod in pods.pods(api, "payments")]
from workshop.stack.kubernetes.kubectl import kubectl
kubectl(ws.settings, "rollout", "undo", "deployment/payments")
deploy.ready(ws.settings, "payments")
pods.ready(api, "payments", 3)
before = {pod.name for pod in pods.pods(api, "payments")}
victim = sorted(before)[0]
kubectl(ws.settings, "delete", "pod", victim, "--wait=false")
from workshop.base.waiting import wait_until
wait_until(lambda: victim not in {pod.name for pod in pods.pods(api, "payments")}, 120, "the pod to be gone")
pods.ready(api, "payments", 3)
crashed = pods.pods(api, "payments")[0]
deployments.post_to_pod(ws, crashed.name, "/admin/crash")
wait_until(lambda: any(p.name == crashed.name and p.restarts for p in pods.pods(api, "payments")), 120, "a restart")
autoscalers.autoscaler(ws, 1, 2, 60)
deployments.restore(ws)
scalers = kubectl(ws.settings, "get", "horizontalpodautoscalers", "-o", "name")
print(json.dumps([releases, deployments.workers(api) != [], scalers, ws.namespace, consumers.Lag(ws).read() >= 0]))
"""
    assert program(alice, text) == [["2", "2", "2"], True, "", ALICE, True]


def test_actions_beyond_a_participants_rights_are_refused_with_a_message(alice: Path):
    text = """
from workshop.base.errors import WorkshopError
from workshop.notebook import deployments
from workshop.lessons.microservices_on_kubernetes import experiments as lesson
from workshop.lessons.reliability_game_day import experiments as game
from workshop.lessons.change_data_capture import bank
said = []
for act in (
    lambda: lesson.node_of_a_pod(ws, 1),
    lambda: lesson.drained(ws),
    lambda: ws.nodes.lose("worker-1"),
    lambda: game.play(ws, "broker-killed"),
    lambda: game.play(ws, "pod-deleted", "node-lost+follower-paused"),
    lambda: bank.ensure(ws),
):
    try:
        act()
    except WorkshopError as error:
        said.append(str(error))
print(json.dumps(said))
"""
    said = program(alice, text)
    assert len(said) == 6
    assert all("--backend local" in sentence for sentence in said)
    assert all("not yours" in sentence for sentence in said[:5])


def test_a_kubeconfig_may_call_a_program_for_its_token(
    kafka: OthersKafka, cluster: OthersCluster, alice: Path, tmp_path: Path
):
    kubeconfig = others_cluster.participant(cluster, tmp_path, ALICE, "a program brings the token")
    told = kafka.told("alice") | cluster.told() | {"WORKSHOP_KUBECONFIG": str(kubeconfig)}
    state = tmp_path / "state"
    done = workshop(state, told, "up", "--no-lab")
    assert done.returncode == 0, done.stdout + done.stderr
    text = """
from workshop.notebook import pods
from workshop.stack.kubernetes.kubectl import kubectl
shown = kubectl(ws.settings, "get", "deployments", "-o", "name").split()
print(json.dumps([len(pods.pods(pods.core(ws), "payments")) > 0, "deployment.apps/payments" in shown]))
"""
    assert program(state, text) == [True, True]
    assert workshop(state, {}, "down").returncode == 0
    # The program is missing, as after an update of the package that installed it.
    (tmp_path / "bring-token").unlink()
    done = workshop(tmp_path / "again", told, "up", "--no-lab")
    assert done.returncode == 1
    assert "bring-token" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_the_participant_may_nothing_beyond_the_namespace(cluster: OthersCluster, alice: Path):
    def may(*words: str) -> str:
        program = [
            str(cluster.settings.python_bin / "kubectl"),
            f"--kubeconfig={alice / 'existing' / 'kubeconfig'}",
            "auth",
            "can-i",
        ]
        return subprocess.run(
            [*program, *words], capture_output=True, text=True, timeout=60, check=False
        ).stdout.strip()

    assert may("create", "deployments") == "yes"  # in the kubeconfig's namespace
    assert may("create", "deployments", "-n", "default") == "no"
    assert may("list", "nodes") == "no"
    assert may("create", "rolebindings") == "no"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("no right", "delete deployments.apps (needed by lessons 07 to 09"),
        ("no namespace", "Is there a namespace of this name?"),
        ("expired token", "Kubernetes rejects your credentials"),
        ("stale address", "does not answer"),
        ("another cluster's certificate", "is not signed by the authority in the kubeconfig"),
        ("no image", "The cluster cannot pull the services' image registry.example.org/none:1"),
    ],
)
def test_a_wrong_setting_is_reported_with_a_message(
    kafka: OthersKafka, cluster: OthersCluster, tmp_path: Path, trouble: str, said: str
):
    namespace = "class-" + trouble.replace(" ", "-").replace("'", "")
    kubeconfig = others_cluster.participant(cluster, tmp_path, namespace, trouble)
    told = (
        kafka.told("bob") | cluster.told() | {"WORKSHOP_NAMESPACE": namespace, "WORKSHOP_KUBECONFIG": str(kubeconfig)}
    )
    if trouble == "no image":
        told["WORKSHOP_SERVICES_IMAGE"] = "registry.example.org/none:1"
    done = workshop(tmp_path / "state", told, "up", "--no-lab")
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split()), done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr


def test_reset_takes_the_workshops_objects_and_leaves_others(cluster: OthersCluster, alice: Path):
    cluster.kubectl("-n", ALICE, "create", "configmap", "somebody-elses", "--from-literal=a=1")
    assert "the namespace class-alice keep running" in " ".join(workshop(alice, {}, "down").stdout.split())
    done = workshop(alice, {}, "reset")
    assert done.returncode == 0, done.stderr
    left = json.loads(cluster.kubectl("-n", ALICE, "get", "deployments,services,configmaps,secrets", "-o", "json"))[
        "items"
    ]
    assert {one["metadata"]["name"] for one in left} <= {"somebody-elses", "kube-root-ca.crt"}
