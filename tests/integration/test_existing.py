"""The backend `existing` with two participants: an external Kafka with TLS, SCRAM and rights by prefix.

Each action of a participant runs in a process of its own, because a prefix applies to a whole process.
"""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from kafka import KafkaAdminClient
from workshop.base.waiting import wait_until

from . import others
from .others import OthersKafka, run, workshop


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OthersKafka]:
    """Yield an external Kafka on which alice and bob have their rights from the administrator's script."""
    yield from others.given(tmp_path_factory.mktemp("others"))


def topics(site: OthersKafka) -> set[str]:
    """Return the names of all topics."""
    with closing(KafkaAdminClient(**site.inner)) as admin:
        return set(admin.list_topics())


@pytest.fixture(scope="module")
def alice(kafka: OthersKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield alice's state folder after `workshop up`."""
    state = tmp_path_factory.mktemp("alice") / "state"
    done = workshop(state, kafka.told("alice"), "up", "--no-lab")
    assert done.returncode == 0, done.stdout + done.stderr
    yield state
    workshop(state, {}, "down")


def program(state: Path, text: str) -> list:
    """Run a participant's code after `ws = workshop.connect()`, without variables.

    Returns its last line of output.
    """
    begin = "import json, workshop\nfrom contextlib import closing\nws = workshop.connect()\n"
    done = run(state, {}, "-c", f"{begin}{text}")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_storys_topics_carry_the_prefix_and_three_copies(kafka: OthersKafka, alice: Path):
    assert {"alice-payments", "alice-debits", "alice-workshop-check"} <= topics(kafka)
    assert not {name for name in topics(kafka) if name.startswith("alice-workshop-rights")}  # deleted
    told = others.endpoints(alice)
    assert (told["backend"], told["kafka"]["copies"], "kubernetes" in told) == ("existing", 3, False)


def test_the_same_cells_write_and_read_in_a_group_and_in_transactions(alice: Path):
    text = """
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
topic = ws.fresh_topic("cells")
producer = KafkaProducer(**ws.kafka, transactional_id="cells")
producer.init_transactions()
producer.begin_transaction()
for n in range(20):
    producer.send(topic, b"%d" % n, key=b"%d" % n)
producer.commit_transaction()
producer.close()
consumer = KafkaConsumer(topic, **ws.kafka, group_id="cells", auto_offset_reset="earliest", isolation_level="read_committed")
seen = []
while len(seen) < 20:
    seen += [r for records in consumer.poll(1000).values() for r in records]
consumer.commit()
consumer.close()
with closing(ws.admin()) as admin:
    read = sum(at.offset for at in admin.list_group_offsets(["cells"])["cells"].values())
    groups = [group["group_id"] for group in admin.list_groups()]
    mine = topic in admin.list_topics()
    ws.tidy()
print(json.dumps([len(seen), {r.topic for r in seen} == {topic}, read >= 20, "cells" in groups, mine, ws.full_name("cells")]))
"""
    assert program(alice, text) == [20, True, True, True, True, "alice-cells"]


def test_bobs_topics_are_not_seen_and_not_given(kafka: OthersKafka, alice: Path):
    with closing(KafkaAdminClient(**kafka.inner)) as admin:
        admin.create_topics({"bob-diary": {"num_partitions": 1, "replication_factor": 3}})
    text = """
from kafka import KafkaProducer
from kafka.errors import KafkaError
said = []
with closing(ws.admin()) as admin:
    said += [name for name in admin.list_topics() if "bob" in name]
    try:
        admin.delete_topics(["/bob-diary"])  # as from the root: bob's, not alice's of that name
    except KafkaError as error:
        said.append(type(error).__name__)
from workshop.kafka import name_prefix
name_prefix.use("bob-")  # whoever changes the prefix meets Kafka's own rules
producer = KafkaProducer(**ws.kafka, max_block_ms=60_000)
try:
    producer.send("diary", b"x").get(timeout=60)
except KafkaError as error:
    said.append(type(error).__name__)
producer.close()
print(json.dumps(said))
"""
    assert program(alice, text) == ["TopicAuthorizationFailedError", "TopicAuthorizationFailedError"]
    assert "bob-diary" in topics(kafka)


def test_a_service_as_a_process_debits_each_payment_once_though_it_is_killed(alice: Path):
    text = """
from workshop.notebook import story; from workshop.kafka import topics
from workshop.notebook import services
from workshop.kafka.produce import publish
from workshop.base.waiting import wait_until
names = {kind: ws.fresh_topic(kind) for kind in ("payments", "debits", "balances")}
topics.create(ws.kafka, [topics.Topic(names["payments"] + topics.DEAD_LETTERS)])
day = story.one_day()[:200]
publish(ws, names["payments"], day)
service = services.debits(ws, *names.values(), work_ms=2)
service.start()
wait_until(lambda: len(services.answered(ws, names["debits"])) > 20, 120, "some debits")
service.kill()
service.start()
wait_until(lambda: len(services.answered(ws, names["debits"])) >= len(day), 120, "all debits")
service.stop()
answered = services.answered(ws, names["debits"])
ws.tidy()
print(json.dumps([len(day), len(answered), set(answered.values()) == {1}]))
"""
    assert program(alice, text) == [200, 200, True]


def test_confluents_client_publishes_and_replays_under_the_prefix(kafka: OthersKafka, alice: Path, tmp_path: Path):
    log = tmp_path / "log.csv"
    rows = [f"2018-06-12T10:00:{n:02d},card-{n % 3},{n}.50" for n in range(50)]
    log.write_text("\n".join(["TX_DATETIME,CUSTOMER_ID,TX_AMOUNT", *rows, ""]))
    for count in ("50", "50"):  # the second time it is already published
        done = workshop(alice, {}, "fraud", "publish", str(log), "--topic", "cards")
        assert done.returncode == 0, done.stdout + done.stderr
        assert count in done.stdout
    assert {"alice-cards", "alice-cards-dead-letters", "alice-publications"} <= topics(kafka)
    text = """
from workshop.ingest.replay import replay
table, wrong = replay(ws, "cards")
print(json.dumps([len(table), len(wrong)]))
"""
    assert program(alice, text) == [50, 0]


def test_kafkas_own_tools_authenticate_as_the_participant(alice: Path):
    done = workshop(alice, {}, "shell", "-c", "kafka-topics --describe --topic alice-payments")
    assert "ReplicationFactor: 3" in done.stdout, done.stdout + done.stderr
    assert stat.S_IMODE((alice / "existing" / "kafka" / "tools.properties").stat().st_mode) == 0o600


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
def test_other_mechanisms_let_every_client_in(kafka: OthersKafka, tmp_path: Path, mechanism: str):
    state = tmp_path / "state"
    done = workshop(state, kafka.told_otherwise("alice", mechanism), "up", "--no-lab")
    assert done.returncode == 0, done.stdout + done.stderr
    log = tmp_path / "log.csv"
    log.write_text("TX_DATETIME,CUSTOMER_ID,TX_AMOUNT\n2018-06-12T10:00:00,card-1,2.50\n")
    done = workshop(state, {}, "fraud", "publish", str(log), "--topic", mechanism.lower())  # confluent-kafka's client
    assert done.returncode == 0, done.stdout + done.stderr
    done = workshop(state, {}, "shell", "-c", f"kafka-topics --describe --topic alice-{mechanism.lower()}")  # Java's
    assert "ReplicationFactor: 3" in done.stdout, done.stdout + done.stderr
    assert workshop(state, {}, "down").returncode == 0


def test_faults_of_brokers_are_refused_with_a_message_alone(alice: Path):
    text = """
from workshop.notebook import story
from workshop.base.errors import WorkshopError
story.ensure(ws)
said = []
for act in (ws.brokers.kill, ws.brokers.pause):
    try:
        act(2)
    except WorkshopError as error:
        said.append(str(error))
print(json.dumps([said, ws.brokers.states()]))
"""
    said, states = program(alice, text)
    assert len(said) == 2
    assert all("not yours" in one and "--backend local" in one for one in said)
    assert states == {"1": "running", "2": "running", "3": "running"}


def test_status_and_doctor_look_at_it_as_it_is(alice: Path):
    done = workshop(alice, {}, "status", "--json")
    state = json.loads(done.stdout)
    assert (done.returncode, state["ready"], state["kafka"]["registered"]) == (0, True, [1, 2, 3])
    done = workshop(alice, {}, "doctor")
    assert "✓ rights in Kafka: all that lessons need" in done.stdout, done.stdout + done.stderr


def test_the_password_is_in_no_file_of_the_stack_but_the_tools_and_in_no_process(kafka: OthersKafka, alice: Path):
    secret = others.USERS["alice"].encode()
    part = b"pass word"  # properties files escape the other characters
    holding = [
        path
        for path in alice.rglob("*")
        if path.is_file() and (secret in path.read_bytes() or part in path.read_bytes())
    ]
    assert holding == [alice / "existing" / "kafka" / "tools.properties"]
    for process in psutil.process_iter():
        try:
            assert part not in "\0".join(process.cmdline()).encode()
        except psutil.Error:
            continue


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"WORKSHOP_BOOTSTRAP": "nowhere.invalid:9093"}, "The host name nowhere.invalid cannot be resolved"),
        ({"WORKSHOP_BOOTSTRAP": "127.0.0.1:1"}, "Nothing answers at 127.0.0.1:1"),
        ({"WORKSHOP_KAFKA_CA": "other.pem"}, "is not trusted"),
        ({"WORKSHOP_KAFKA_SECURITY": "SASL_PLAINTEXT"}, "WORKSHOP_KAFKA_SECURITY is SASL_PLAINTEXT"),
        ({"WORKSHOP_KAFKA_SECURITY": "SSL"}, "refuses clients without credentials"),
        ({"WORKSHOP_KAFKA_PASSWORD_FILE": "wrong.password"}, "Kafka refuses the user alice"),
        ({"WORKSHOP_KAFKA_MECHANISM": "PLAIN"}, "Kafka does not support the mechanism PLAIN"),
        ({"WORKSHOP_PREFIX": "bob-"}, "alice may not create topics"),
        ({"WORKSHOP_PREFIX": ""}, "WORKSHOP_PREFIX is not set"),
    ],
)
def test_a_wrong_setting_is_reported_with_a_message(
    kafka: OthersKafka, tmp_path: Path, wrong: dict[str, str], said: str
):
    from workshop.stack.kubernetes.controlplane import certificates

    certificates.make_these(tmp_path / "tls", {"other": certificates.Certificate(certificates.CLUSTER, "other")})
    (tmp_path / "other.pem").write_bytes((tmp_path / "tls" / "ca.crt").read_bytes())
    (tmp_path / "wrong.password").write_text("wrong\n")
    (tmp_path / "wrong.password").chmod(0o600)
    files = {name: str(tmp_path / value) for name, value in wrong.items() if value.startswith(("other", "wrong"))}
    done = workshop(tmp_path / "state", kafka.told("alice") | wrong | files, "up", "--no-lab")
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split()), done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state" / "existing" / "endpoints.json").exists()


def test_each_right_that_is_missing_is_named_with_its_lessons(kafka: OthersKafka, tmp_path: Path):
    others.acls(kafka, "--remove", "bob", "bob-")
    tool = others.tool(kafka, kafka.folder / "tools", "kafka-acls")
    words = ["--add", "--allow-principal", "User:bob", "--resource-pattern-type", "prefixed", "--topic", "bob-"]
    given = ["--operation", "Create", "--operation", "Describe", "--operation", "Delete", "--operation", "Read"]
    command = [str(tool), "--bootstrap-server", kafka.ports.bootstrap[0], *words, *given]
    subprocess.run(command, capture_output=True, timeout=240, check=True)
    try:
        done = workshop(tmp_path / "state", kafka.told("bob"), "up", "--no-lab")
    finally:
        others.acls(kafka, "bob", "bob-")
    assert done.returncode == 1
    lines = [line.strip() for line in done.stderr.splitlines() if line.startswith("  bob may not")]
    assert lines, done.stderr
    assert [line.removeprefix("bob may not ").split(" (")[0] for line in lines] == [
        "see and change the settings of topics",
        "give topics more partitions",
        "write to topics",
        "read in consumer groups and commit offsets",
        "read the committed offsets of groups",
        "write in transactions",
        "delete groups",
    ]
    assert all("needed by" in line for line in lines)
    assert "acls.sh bob bob-" in done.stderr


def test_reset_takes_what_carries_the_prefix_and_nothing_else(kafka: OthersKafka, alice: Path):
    with closing(KafkaAdminClient(**kafka.inner)) as admin:
        others_topics = ("alicette-payments", "bob-letters")
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 3} for name in others_topics})
    assert workshop(alice, {}, "reset").returncode == 0
    gone = lambda: not {name for name in topics(kafka) if name.startswith("alice-")}  # noqa: E731
    wait_until(gone, 30, "every broker to know that her topics are deleted")
    assert set(others_topics) <= topics(kafka)
    assert not (alice / "existing").exists()
