"""Check of the rights in Kafka that the lessons need.

Each right is tried on a topic that is deleted afterwards, because a user may not list its own rights. The script of the
administrator for the same rights is `infra/deploy/existing/acls.sh`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import AuthorizationError, KafkaError

from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site
from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin
from workshop.kafka import topics
from workshop.kafka.access import KafkaSettings
from workshop.kafka.closing import closing_soon
from workshop.kafka.name_prefix import full

PATIENT = {"bootstrap_timeout_ms": 10_000, "request_timeout_ms": 20_000}
EVERY = "every lesson"
MEMBERS_LEAVE = 20.0  # seconds; the session timeout removes a killed member after 6 s


@dataclass(frozen=True)
class Right:
    """One right: the words after `may not`, and the lessons that need it."""

    words: str
    lessons: str


CREATE = Right("create topics", EVERY)
CONFIGURE = Right("see and change the settings of topics", "lessons 01, 04 and 05")
GROW = Right("give topics more partitions", "lesson 02")
WRITE = Right("write to topics", EVERY)
READ = Right("read topics", EVERY)
GROUP = Right("read in consumer groups and commit offsets", "lessons 01, 02, 04 and 06 to 09")
ASK = Right("read the committed offsets of groups", "lessons 02 and 08")
TRANSACT = Right("write in transactions", "lessons 04, 05 and 07 to 09")
DELETE = Right("delete topics", "every lesson's last cell")
FORGET = Right("delete groups", "`workshop reset`")
ALL = (CREATE, CONFIGURE, GROW, WRITE, READ, GROUP, ASK, TRANSACT, DELETE, FORGET)


@dataclass
class _Trial:
    """Tries the rights in sequence, on a topic, a group and a transactional id of its own."""

    kafka: KafkaSettings
    admin: KafkaAdminClient
    written: bool = False
    name: str = field(default_factory=lambda: f"workshop-rights-{uuid.uuid4().hex[:6]}")

    def create(self) -> None:
        topics.create(self.kafka, [topics.Topic(self.name, partitions=1)])

    def configure(self) -> None:
        self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, self.name)])
        wish = ConfigResource(ConfigResourceType.TOPIC, self.name, {"retention.ms": "3600000"})
        _must_be_ok(self.admin.alter_configs([wish], raise_on_unknown=False)["topic"])

    def grow(self) -> None:
        self.admin.create_partitions({self.name: 2})

    def write(self) -> None:
        with closing_soon(KafkaProducer(**self.kafka, acks="all", max_block_ms=20_000)) as producer:
            producer.send(self.name, value=b"tried", partition=0).get(timeout=20)
        self.written = True

    def read(self) -> None:
        with closing(KafkaConsumer(**self.kafka)) as consumer:
            consumer.assign([self._place])
            consumer.seek(self._place, 0)
            patience = 20_000 if self.written else 3_000  # a refusal is raised even if there is nothing to read
            if not consumer.poll(timeout_ms=patience) and self.written:
                raise WorkshopError(
                    "A record was written to Kafka but could not be read back.",
                    "Try again, or ask Kafka's administrator.",
                )

    def commit(self) -> None:
        with closing(KafkaConsumer(**self.kafka, group_id=self.name, enable_auto_commit=False)) as consumer:
            consumer.assign([self._place])
            consumer.commit({self._place: OffsetAndMetadata(1, "", -1)})

    def ask(self) -> None:
        self.admin.list_group_offsets([self.name])

    def transact(self) -> None:
        with closing_soon(KafkaProducer(**self.kafka, transactional_id=self.name, max_block_ms=20_000)) as producer:
            producer.init_transactions()
            producer.begin_transaction()
            producer.send(self.name, value=b"tried")
            producer.commit_transaction()

    def forget(self) -> None:
        _must_be_ok(self.admin.delete_groups([self.name]))

    def delete(self) -> None:
        self.admin.delete_topics([self.name])

    @property
    def _place(self) -> TopicPartition:
        return TopicPartition(self.name, 0)


def missing(kafka: KafkaSettings) -> list[Right]:
    """Try all rights; return those that the user does not have.

    If the topic cannot be created, the other rights are not tried.

    Raises:
        WorkshopError: Kafka refused a request for another reason than a missing right.
    """
    with closing(kafka_admin.admin(kafka, **PATIENT)) as admin:
        trial = _Trial(kafka, admin)
        if not _allowed(CREATE, trial.create):
            return [CREATE]
        try:
            steps = [
                (CONFIGURE, trial.configure),
                (GROW, trial.grow),
                (WRITE, trial.write),
                (READ, trial.read),
                (GROUP, trial.commit),
            ]
            steps += [(ASK, trial.ask), (TRANSACT, trial.transact), (FORGET, trial.forget)]
            lacking = [right for right, step in steps if not _allowed(right, step)]
        finally:
            deleted = _allowed(DELETE, trial.delete)
    return lacking if deleted else [*lacking, DELETE]


def must_be_there(site: Site, kafka: KafkaSettings) -> None:
    """Check that the user has all rights.

    Raises:
        WorkshopError: rights are missing; the message lists them with the lessons and the administrator's command.
    """
    if lacking := missing(kafka):
        raise refusal(site, lacking)


def refusal(site: Site, lacking: list[Right]) -> WorkshopError:
    """Return the error for missing rights, with the command that grants them."""
    user = site.user or "this user"
    listed = "\n".join(f"  {user} may not {right.words} (needed by {right.lessons})" for right in lacking)
    return WorkshopError(
        f"For names that begin with '{site.prefix}', Kafka refuses what lessons need:",
        f"An administrator grants it: infra/deploy/existing/acls.sh {user} {site.prefix} --bootstrap-server …",
        listed,
    )


def _must_be_ok(said: Mapping[str, str]) -> None:
    for name, word in said.items():
        if word != "OK":
            raise KafkaError(f"{name}: {word}")


def _allowed(right: Right, step: Callable[[], object]) -> bool:
    try:
        step()
    except AuthorizationError:
        return False
    except KafkaError as error:
        if isinstance(error.__cause__, AuthorizationError) or "uthoriz" in str(error):
            return False
        raise WorkshopError(
            f"Kafka refused to {right.words}: {str(error).rstrip('.')}.",
            "The cause is not a missing right. Ask Kafka's administrator about its limits and policies.",
        ) from None
    return True


def remove_all(kafka: Mapping) -> tuple[list[str], list[str]]:
    """Delete the topics and groups whose names have the participant's prefix; return their full names.

    The function waits until stopped members have left, because only an empty group can be deleted.

    Raises:
        WorkshopError: Kafka refused the deletion.
    """
    with closing(kafka_admin.admin(kafka, **PATIENT)) as admin:
        with suppress(WorkshopError):  # Kafka reports groups that still have members, below
            wait_until(lambda: not _occupied(admin), MEMBERS_LEAVE, "the groups' members to leave", every=0.2)
        gone = [name for name in admin.list_topics() if _is_ours(name)]
        groups = [group["group_id"] for group in admin.list_groups() if _is_ours(group["group_id"])]
        try:
            if gone:
                admin.delete_topics(gone)
            if groups:
                _must_be_ok(admin.delete_groups(groups))
        except KafkaError as error:
            raise WorkshopError(
                f"Kafka did not delete all of it: {error}.", "Stop what still reads, then `workshop reset` again."
            ) from None
    return [full(name) for name in gone], [full(name) for name in groups]


def _occupied(admin: KafkaAdminClient) -> list[str]:
    groups = [group for group in admin.list_groups() if _is_ours(group["group_id"])]
    return [group["group_id"] for group in groups if group.get("group_state") not in ("Empty", "Dead")]


def _is_ours(name: str) -> bool:
    return full(name) != name and not name.startswith("/")
