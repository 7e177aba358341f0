"""A Kafka and a cluster that somebody else runs: what is told of them, and how it is told on, without a password."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml  # comes with the Kubernetes client
from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site, kept
from workshop.base.settings import Settings, _site
from workshop.base.variables import Variables
from workshop.kafka import access, name_prefix
from workshop.stack.backends.choice import by_name, choose, made_here
from workshop.stack.backends.existing import Existing
from workshop.stack.external import cluster_access, forwarding, kafka_rights, kubernetes_rights, objects
from workshop.stack.faults import Brokers, KubernetesNodes
from workshop.stack.kubernetes import kubectl

PASSWORD = 'long "and" secret \\ word'  # noqa: S105 (nobody's)
TOLD = {
    "WORKSHOP_BOOTSTRAP": "kafka-1.example.org:9093, kafka-2.example.org:9093",
    "WORKSHOP_KAFKA_SECURITY": "SASL_SSL",
    "WORKSHOP_KAFKA_USER": "alice",
    "WORKSHOP_PREFIX": "alice-",
}
INFRA = Path(__file__).parents[4] / "infra"


def read(env: dict[str, str], root: Path) -> Site | None:
    """The site that an environment names."""
    return _site(Variables(env), root)


@pytest.fixture
def told(tmp_path: Path) -> dict[str, str]:
    """All that a participant is told of Kafka, with its two files."""
    password, ca = tmp_path / "kafka.password", tmp_path / "ca.pem"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(0o600)
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    return {**TOLD, "WORKSHOP_KAFKA_PASSWORD_FILE": str(password), "WORKSHOP_KAFKA_CA": str(ca)}


@pytest.fixture
def site(told: dict[str, str], tmp_path: Path) -> Site:
    found = read(told, tmp_path)
    found.check()
    return found


@pytest.fixture(autouse=True)
def no_prefix():
    yield
    name_prefix.use("")


def test_what_was_told_is_read_once_and_paths_are_made_whole(told: dict[str, str], tmp_path: Path):
    relative = told | {"WORKSHOP_KAFKA_CA": "ca.pem"}
    site = read(relative, tmp_path)
    assert site.bootstrap == ("kafka-1.example.org:9093", "kafka-2.example.org:9093") == site.inside
    assert (site.mechanism, site.image, site.has_kubernetes) == ("SCRAM-SHA-512", "workshop/services:1", False)
    assert site.ca == str(tmp_path / "ca.pem")
    assert read({}, tmp_path) is None
    assert Settings.load({"HOME": "/home/x", **told}).site == read(told, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKSHOP_BOOTSTRAP", "kafka"),
        ("WORKSHOP_BOOTSTRAP", "kafka:70000"),
        ("WORKSHOP_BOOTSTRAP", ","),
        ("WORKSHOP_KAFKA_INSIDE", "http://kafka:9092"),
        ("WORKSHOP_KAFKA_SECURITY", "TLS"),
        ("WORKSHOP_KAFKA_MECHANISM", "GSSAPI"),
        ("WORKSHOP_KAFKA_USER", "two words"),
        ("WORKSHOP_KAFKA_PASSWORD_FILE", "~no-such-user/password"),
        ("WORKSHOP_PREFIX", "alice"),
        ("WORKSHOP_PREFIX", "Alice-"),
        ("WORKSHOP_PREFIX", "-"),
        ("WORKSHOP_PREFIX", "alice/-"),
        ("WORKSHOP_NAMESPACE", "Class_A"),
        ("WORKSHOP_SERVICES_IMAGE", "an image"),
        ("WORKSHOP_PAYMENTS_URL", "payments.example.org"),
        ("WORKSHOP_PAYMENTS_URL", "ftp://payments"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(name: str, value: str, told: dict[str, str], tmp_path: Path):
    with pytest.raises(WorkshopError, match=name) as raised:
        read(told | {name: value}, tmp_path)
    assert raised.value.next_step


@pytest.mark.parametrize(
    "name",
    [
        "WORKSHOP_BOOTSTRAP",
        "WORKSHOP_PREFIX",
        "WORKSHOP_KAFKA_USER",
        "WORKSHOP_KAFKA_PASSWORD_FILE",
        "WORKSHOP_NAMESPACE",
    ],
)
def test_what_is_missing_is_named(name: str, told: dict[str, str], tmp_path: Path):
    told = told | {"WORKSHOP_KUBECONFIG": told["WORKSHOP_KAFKA_CA"], "WORKSHOP_NAMESPACE": "class-alice"}
    del told[name]
    with pytest.raises(WorkshopError, match=f"{name} is not set"):
        (read(told, tmp_path) or Site()).check()


def test_a_password_that_others_can_read_is_refused_and_so_is_none(told: dict[str, str], site: Site):
    file = Path(site.password_file)
    file.chmod(0o640)
    with pytest.raises(WorkshopError, match=r"Other users.*chmod 600"):
        site.check()
    file.chmod(0o600)
    for content, said in (("", "nothing"), ("one\ntwo\n", "more than one line")):
        file.write_text(content)
        with pytest.raises(WorkshopError, match=said):
            site.check()
    file.unlink()
    with pytest.raises(WorkshopError, match="cannot be read"):
        site.check()


def test_files_that_are_none_are_named(site: Site, tmp_path: Path):
    with pytest.raises(WorkshopError, match=r"WORKSHOP_KAFKA_CA.*no certificate"):
        replace(site, ca=str(tmp_path)).check()
    with pytest.raises(WorkshopError, match=r"WORKSHOP_KUBECONFIG.*no file"):
        replace(site, kubeconfig=str(tmp_path / "none"), namespace="class-alice").check()


def test_the_password_stands_in_no_file_of_ours_and_in_no_picture_of_a_value(site: Site, tmp_path: Path):
    site.write(tmp_path / "state")
    assert kept(tmp_path / "state") == site
    settings = Settings.load({"HOME": str(tmp_path)})
    kafka = access.client(site.kafka())
    assert kafka["sasl_plain_password"] == PASSWORD
    written = (tmp_path / "state" / "site.json").read_text()
    for text in (
        written,
        json.dumps(site.kafka()),
        repr(site),
        repr(replace(settings, site=site)),
        repr(kafka),
        str(kafka),
    ):
        assert PASSWORD not in text
        assert "secret" not in text.replace("kafka.password", "")


def test_each_kind_of_client_is_told_the_same(site: Site):
    kafka = access.client(site.kafka())
    assert name_prefix.full("payments") == "payments"  # describing a client changes nothing
    access.prepare(site.kafka())
    assert name_prefix.full("payments") == "alice-payments"
    assert access.for_confluent(kafka) == {
        "bootstrap.servers": ",".join(site.bootstrap),
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "alice",
        "sasl.password": PASSWORD,
        "ssl.ca.location": site.ca,
    }
    java = access.for_java(kafka)
    assert "ssl.truststore.type=PEM\n" in java
    # A properties file reads \u005c as a backslash, and JAAS reads two of them as one.
    assert r'password="long \u005c"and\u005c" secret \u005c\u005c word";' in java
    plain = {"bootstrap_servers": ["kafka:9092"]}
    assert access.for_java(plain) == ""
    assert access.for_confluent(plain) == {"bootstrap.servers": "kafka:9092"}
    assert access.client(plain) == plain


@pytest.fixture
def here(site: Site, tmp_path: Path) -> Settings:
    settings = Settings.load({"HOME": str(tmp_path), "WORKSHOP_STATE": str(tmp_path / "state")}).of("existing")
    return replace(settings, site=replace(site, kubeconfig="/somewhere", namespace="class-alice"), backend="existing")


def test_it_is_chosen_when_asked_for_and_stays(here: Settings):
    backend, why = choose(here)
    assert (backend.name, why) == ("existing", "an existing Kafka, as requested")
    backend.site.write(here.state)
    later = replace(here, site=None, backend="auto")  # another terminal, in which nothing was told
    assert choose(later)[0].site == backend.site
    assert made_here(later).name == by_name(later, "existing").name == "existing"
    assert choose(replace(here, backend="local"))[0].name == "local"


@pytest.mark.parametrize("act", ["kill", "pause", "start"])
def test_a_broker_that_is_not_ours_is_not_broken_and_the_sentence_says_whose_it_is(here: Settings, act: str):
    brokers = Brokers(Existing(here), here.site.kafka())
    with pytest.raises(
        WorkshopError, match=r"Broker 2 is not .*not yours.*Only the operator of Kafka.*--backend local"
    ):
        getattr(brokers, act)(2)
    brokers.restore()  # nothing, and at once
    assert brokers.addresses() == list(here.site.bootstrap)


def test_a_node_that_is_not_ours_is_not_broken(here: Settings):
    nodes = KubernetesNodes(Existing(here))
    with pytest.raises(WorkshopError, match=r"worker-2 .*not yours.*Only the operator of the cluster"):
        nodes.lose("worker-2")
    nodes.restore()


def test_pods_are_told_all_but_the_password_which_lies_in_the_secret(here: Settings):
    backend = Existing(
        replace(here, site=replace(here.site, inside=("kafka:9093",), payments_url="https://pay.example.org/x"))
    )
    assert backend.inside() == {
        "KAFKA_BOOTSTRAP": "kafka:9093",
        "KAFKA_PREFIX": "alice-",
        "KAFKA_SECURITY": "SASL_SSL",
        "KAFKA_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_USER": "alice",
        "PUBLIC_HOST": "pay.example.org",
    }
    # `kubectl port-forward`, which is the way where the site gives no address, comes by the pod's loopback.
    assert Existing(replace(here, site=replace(here.site, payments_url=""))).inside()["HOST"] == "0.0.0.0"  # noqa: S104
    assert backend.secret() == {"password": PASSWORD, "ca.pem": "-----BEGIN CERTIFICATE-----\n"}


def test_manifests_are_made_for_the_namespace_the_image_and_no_port_of_the_nodes(here: Settings):
    base = INFRA / "deploy/kubernetes/services"
    assert objects.overlay(here, base) is None  # a cluster of our own takes them as they are
    replace(here.site, image="registry.example.org:5000/class/services:7").write(here.state)
    folder = objects.overlay(here, base)
    words = [str(here.python_bin / "kubectl"), "kustomize", str(folder)]
    made = list(
        yaml.safe_load_all(subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout)
    )
    assert {one["metadata"]["namespace"] for one in made} == {"class-alice"} == {kubectl.namespace(here)}
    assert {one["metadata"]["labels"]["app.kubernetes.io/part-of"] for one in made} == {"workshop"}
    service = next(one for one in made if one["kind"] == "Service")["spec"]
    assert service["type"] == "ClusterIP"
    assert "nodePort" not in service["ports"][0]
    images = [
        c["image"] for one in made if one["kind"] == "Deployment" for c in one["spec"]["template"]["spec"]["containers"]
    ]
    assert images == ["registry.example.org:5000/class/services:7"] * 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("workshop/services:1", {"newName": "workshop/services", "newTag": "1"}),
        ("localhost:5000/services", {"newName": "localhost:5000/services", "newTag": "latest"}),
        ("r.example/s:2@sha256:" + "a" * 64, {"newName": "r.example/s", "digest": "sha256:" + "a" * 64}),
    ],
)
def test_an_images_name_is_taken_apart(name: str, said: dict[str, str]):
    assert objects.image(name) == {"name": "workshop/services", **said}


def test_the_kubeconfig_of_ours_means_the_namespace_and_is_closed(here: Settings, tmp_path: Path):
    given = tmp_path / "given"
    (tmp_path / "ca.crt").write_text("authority")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "b",
        "clusters": [
            {"name": n, "cluster": {"server": f"https://{n}", "certificate-authority": "ca.crt"}} for n in "ab"
        ],
        "users": [{"name": n, "user": {"token": f"token {n}"}} for n in "ab"],
        "contexts": [{"name": n, "context": {"cluster": n, "user": n, "namespace": "default"}} for n in "ab"],
    }
    given.write_text(json.dumps(config))
    cluster_access.write_kubeconfig(here, replace(here.site, kubeconfig=str(given)))
    ours = json.loads(here.kubeconfig.read_text())
    assert ours["contexts"] == [{"name": "b", "context": {"cluster": "b", "user": "b", "namespace": "class-alice"}}]
    assert (
        ours["clusters"][0]["cluster"]["certificate-authority-data"] == "YXV0aG9yaXR5"
    )  # whole, wherever it is copied to
    assert here.kubeconfig.stat().st_mode & 0o077 == 0
    for content, said in (
        ("{", "cannot be used"),
        ('{"kind": "Config", "apiVersion": "v1"}', "cannot be used|no current context"),
    ):
        given.write_text(content)
        with pytest.raises(WorkshopError, match=said):
            cluster_access.write_kubeconfig(here, replace(here.site, kubeconfig=str(given)))


def test_the_role_for_administrators_gives_exactly_what_is_asked_for():
    role, binding = yaml.safe_load_all((INFRA / "deploy/existing/role.yaml").read_text())
    given = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    asked = {(r.group, resource, verb) for r in kubernetes_rights.RULES for resource in r.resources for verb in r.verbs}
    assert given == asked
    assert (role["kind"], binding["kind"], binding["roleRef"]["name"]) == (
        "Role",
        "RoleBinding",
        role["metadata"]["name"],
    )


def test_what_is_missing_in_the_namespace_is_a_line_for_each_resource_with_its_lessons(site: Site):
    lacking = [kubernetes_rights.Missing(verb, "deployments", "apps", "lesson 07") for verb in ("create", "patch")]
    error = kubernetes_rights.refusal(replace(site, namespace="class-alice"), lacking)
    assert error.detail == "  create, patch deployments.apps (needed by lesson 07)"
    assert "class-alice" in error.happened
    assert "role.yaml" in error.next_step


def test_what_is_missing_in_kafka_is_a_line_each_with_what_gives_it(site: Site):
    error = kafka_rights.refusal(site, [kafka_rights.WRITE, kafka_rights.TRANSACT])
    assert error.detail.splitlines()[0] == "  alice may not write to topics (needed by every lesson)"
    assert "acls.sh alice alice-" in error.next_step


def test_the_script_for_administrators_wants_a_prefix_that_no_other_name_begins_with():
    script = str(INFRA / "deploy/existing/acls.sh")
    for words, said in (([], "Usage"), (["alice", "alice"], "should end with")):
        done = subprocess.run([script, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert said in done.stderr


def test_the_way_to_payments_is_one_of_our_components_on_loopback(here: Settings):
    backend = Existing(here)
    backend._ports_file.parent.mkdir(parents=True)
    backend._ports_file.write_text(json.dumps({"first": 31090, "copies": 3}))
    argv = forwarding.component(here, backend.ports().payments).argv
    assert argv[-3:] == ("--address=127.0.0.1", "service/payments", "31105:8080")
    assert backend.endpoints()["payments"] == "http://127.0.0.1:31105"
    assert sys.platform != "linux" or "supervisor.py" in argv[3]
