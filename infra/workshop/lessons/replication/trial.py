"""The experiment of exercise 1: settings of a topic and a producer, tried out on failing brokers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial

from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, NotEnoughReplicasAfterAppendError, NotEnoughReplicasError

from workshop.base.settings import NODES
from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.kafka.replicas import leader_of, partitions
from workshop.lessons.replication.observations import Trial
from workshop.notebook.connection import Connection
from workshop.notebook.live import Told

SENT = 20
UNCLEAN = 1  # election type: any replica that is there becomes the leader, in sync or not
# The leader limits what it sends to replicas that are not in sync. (The limit of a follower is no alternative: a broker that
# starts copies for a moment before it knows its limit.)
THROTTLE = "leader.replication.throttled"
# One large batch passes about every ten seconds (`replication.quota.window.num`): eight keep a broker out for a minute.
BALLAST, BATCHES = b"ballast", 8
AGAIN = "This machine is busy. Run the check once more."
# The producer reports each answer, and `_sent` decides: a refusal by the leader is final, no answer in time is not.
OPTIONS = {
    "request_timeout_ms": 3_000,
    "delivery_timeout_ms": 5_000,
    "max_block_ms": 5_000,
    "retries": 0,
    "enable_idempotence": False,
}
REFUSALS = (NotEnoughReplicasError, NotEnoughReplicasAfterAppendError)


def try_out(ws: Connection, copies: int, min_in_sync: int, acks: object) -> Trial:
    """Send payments while brokers fail one after the other, and count what is left of the acknowledged ones.

    1. The broker with the last replica dies. Payments are sent.
    2. It returns, and copies slowly. The next replica's broker dies. One replica is in sync; payments are sent.
    3. The broker with this replica is lost too. What do the other replicas have?
    """
    configs = {"min_insync_replicas": str(min_in_sync), f"{THROTTLE.replace('.', '_')}_replicas": "*"}
    topic = ws.fresh_topic("yours", partitions=1, copies=copies, **configs)
    replicas = partitions(ws, topic)[0]["replica_nodes"]
    late = replicas[-1]
    seen, told = Trial(late), Told()
    with (
        _producer(ws, topic, acks=acks, **OPTIONS) as producer,
        _producer(ws, topic, acks=1) as heavy,
        ws.brokers.restored_afterwards(),
        _slow_copies(ws),  # replicas that are in sync are not slowed down
    ):
        told.say(f"broker {late} dies")
        ws.brokers.kill(late)
        wait_until(lambda: late not in _in_sync(ws, topic), 30, "the dead broker to be noticed", every=0.1)
        seen.led = leader_of(ws, topic) > 0
        others = partial(_are_in_sync, ws, topic, set(replicas) - {late})
        accepted = _sent(producer, topic, range(SENT), others) if seen.led else set()
        seen.accepted = len(accepted)
        told.say(f"{seen.accepted} of {SENT} payments are acknowledged")
        if seen.accepted < SENT:
            return seen
        _fill(heavy, topic)
        told.say(f"broker {late} returns, and copies slowly")
        ws.brokers.start(late)
        leader = leader_of(ws, topic)
        between = _in_sync(ws, topic) - {leader, late}
        for node in between:
            told.say(f"broker {node} dies")
            ws.brokers.kill(node)
        one = partial(_are_in_sync, ws, topic, {leader})
        wait_until(one, 60, "one replica to be in sync", every=0.1, next_step=AGAIN)
        alone = _sent(producer, topic, range(SENT, 2 * SENT), one)
        seen.alone = len(alone)
        told.say(f"with one replica in sync, {seen.alone} of {SENT} are acknowledged")
        told.say(f"broker {leader}, which has it, dies for good")
        ws.brokers.kill(leader)
        for node in between:
            ws.brokers.start(node)
        told.say("the best replica that is left leads")
        _lead_without(ws, topic, leader)
    # Read when the brokers are back: a new leader may not know yet which of its records are committed, and gives no end
    # offset until `min.insync.replicas` replicas are in sync. Records that only the other replicas have are dropped by then.
    # Do not lower `min.insync.replicas` instead: after the topic is deleted, the controllers of Kafka 4.3.1 fail at every
    # registration of a broker ("existed in isrMembers, but not in the topics map"), and no broker can start any more.
    left = {int(one.value) for one in consume.read_all(ws, topic) if one.key != BALLAST}
    seen.lost = len((accepted | alone) - left)
    told.say(f"{seen.lost} acknowledged payments are missing")
    return seen


def _fill(producer: KafkaProducer, topic: str) -> None:
    """Write so much that a broker which returns cannot copy all of it soon."""
    for future in [producer.send(topic, key=BALLAST, value=bytes(900_000), partition=0) for _ in range(BATCHES)]:
        future.get(timeout=120)


def _are_in_sync(ws: Connection, topic: str, nodes: set[int]) -> bool:
    return _in_sync(ws, topic) == nodes


def _in_sync(ws: Connection, topic: str) -> set[int]:
    """Return the living in-sync replicas of partition 0: the last one stays in the set without being there."""
    partition = partitions(ws, topic)[0]
    return set(partition["isr_nodes"]) if partition["leader_id"] > 0 else set()


@contextmanager
def _producer(ws: Connection, topic: str, **options: object) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(**ws.kafka, **options)
    producer.partitions_for(topic)  # now: a client finds no broker when most of them are down
    try:
        yield producer
    finally:
        producer.close(timeout=60)


def _sent(producer: KafkaProducer, topic: str, numbers: range, as_planned: Callable[[], bool]) -> set[int]:
    """Return the payments that were acknowledged; those without an answer are sent again.

    Args:
        as_planned: returns whether the replicas in sync are those of the experiment. A refusal while a broker has lost its
            session for a moment is not final.

    Raises:
        WorkshopError: some have neither an acknowledgement nor a refusal in time.
    """
    acknowledged: set[int] = set()
    left = set(numbers)

    def answered() -> bool:
        planned, errors = as_planned(), dict(_answers(producer, topic, sorted(left)))
        acknowledged.update(number for number, error in errors.items() if error is None)
        left.difference_update(acknowledged)
        if planned and as_planned():
            left.difference_update(number for number, error in errors.items() if isinstance(error, REFUSALS))
        return not left

    wait_until(answered, 30, f"the leader's answers to {len(numbers)} payments", every=0.2, next_step=AGAIN)
    return acknowledged


def _answers(producer: KafkaProducer, topic: str, numbers: list[int]) -> Iterator[tuple[int, KafkaError | None]]:
    """Send payments; yield each with None if it was acknowledged, otherwise with the error."""
    futures = {}
    for number in numbers:
        try:
            futures[number] = producer.send(topic, value=b"%d" % number, partition=0)
        except KafkaError as error:
            yield number, error
    for number, future in futures.items():
        try:
            future.get(timeout=15)
        except KafkaError as error:
            yield number, error
        else:
            yield number, None


@contextmanager
def _slow_copies(ws: Connection) -> Iterator[None]:
    """Limit the rate at which brokers send throttled topics to replicas out of sync to one byte per second."""
    limits = [ConfigResource(ConfigResourceType.BROKER, str(node), {f"{THROTTLE}.rate": "1"}) for node in NODES]

    def request(kind: str) -> bool:
        try:
            with closing(ws.admin()) as admin:  # kafka-python does not list this setting among the dynamic ones
                answers = getattr(admin, kind)(limits, raise_on_unknown=False)["broker"]
        except KafkaError:  # a broker has just returned, and not every broker lists it
            return False
        return all(answers[str(node)] == "OK" for node in NODES)

    wait_until(partial(request, "alter_configs"), 60, "the limit of the brokers", every=0.3, next_step=AGAIN)
    try:
        yield
    finally:
        for node, state in ws.brokers.states().items():
            if state == "stopped":
                ws.brokers.start(node)  # each broker takes back its own limit, and the controllers need their majority
        wait_until(partial(request, "reset_configs"), 60, "the end of the brokers' limit", every=0.3)


def _lead_without(ws: Connection, topic: str, lost: int) -> None:
    """Make a remaining replica the leader of partition 0, as an operator does if the others are lost for good."""

    def leads() -> bool:
        leader = leader_of(ws, topic)
        if leader == -1:
            with closing(ws.admin()) as admin:
                admin.elect_leaders(UNCLEAN, {topic: [0]}, raise_errors=False)
        return leader not in (lost, -1)

    wait_until(leads, 60, "another replica to lead", every=0.2)
