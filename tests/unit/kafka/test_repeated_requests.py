"""Which requests are repeated, for how long, and what an error says in the end; without brokers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.errors import KafkaError
from workshop.base.errors import WorkshopError
from workshop.kafka.failures import ClosedClient, NoSuchTopic, Unanswered
from workshop.kafka.repairs import admin, closed_clients
from workshop.kafka.requests import LOST, in_all_ms, one_try_ms
from workshop.stack.kubernetes import kubectl


def test_one_silent_broker_does_not_use_up_the_time_of_all_attempts():
    default = KafkaAdminClient.DEFAULT_CONFIG["request_timeout_ms"]
    assert [one_try_ms(default, attempt) for attempt in (1, 2, 3, 4)] == [10_000, 20_000, 30_000, 30_000]
    assert in_all_ms(default) == 60_000


@pytest.mark.parametrize("asked", [500, 1_500, 3_000])
def test_a_hasty_client_is_as_hasty_as_it_asked_for(asked: int):
    assert one_try_ms(asked) == asked


@pytest.mark.parametrize("error", [kafka_errors.TopicAlreadyExistsError, kafka_errors.AuthorizationError])
def test_a_decided_answer_is_not_asked_for_again(error: type[KafkaError]):
    assert not issubclass(error, LOST)


def test_what_must_not_be_carried_out_twice_is_not_repeated():
    once = {"_async_abort_transaction", "_async_remove_group_members", "_async_delete_group_offsets"}
    assert not once & set(admin.REPEATED)
    assert all(hasattr(KafkaAdminClient, name) for name in admin.REPEATED)


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        ([{"mine": "OK"}], "OK"),
        ([{"mine": "GroupIdNotFoundError"}], "GroupIdNotFoundError"),
        ([{"mine": "NotCoordinatorError"}, {"mine": "OK"}], "OK"),
        ([{"mine": "NotCoordinatorError"}, {"mine": "GroupIdNotFoundError"}], "GroupIdNotFoundError"),
        ([{"mine": "OK", "other": "NotCoordinatorError"}, {"mine": "GroupIdNotFoundError", "other": "OK"}], "OK"),
        ([kafka_errors.RequestTimedOutError(), {"mine": "GroupIdNotFoundError"}], "OK"),
    ],
)
def test_a_group_counts_as_deleted_if_this_call_deleted_it_or_may_have(
    attempts: list, said: str, monkeypatch: pytest.MonkeyPatch
):
    left = iter(attempts)

    async def delete(client: object) -> dict:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def at_once(seconds: float) -> None:
        """Do not wait."""

    monkeypatch.setattr(admin, "_delete_groups", delete)
    cluster = SimpleNamespace(_coordinators={}, request_update=lambda: None)
    client = SimpleNamespace(
        config={"request_timeout_ms": 30_000},
        _manager=SimpleNamespace(config={}, closed=False, cluster=cluster),
        _net=SimpleNamespace(sleep=at_once),
    )
    assert asyncio.run(admin._delete_groups_repeatedly(client))["mine"] == said
    assert list(left) == []


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (NoSuchTopic("my_topic"), ["There is no topic 'my_topic'.", "→ Run the cell that creates it."]),
        (ClosedClient("producer"), ["This producer is closed.", "→ Run the cell that creates it again."]),
        (Unanswered("Nobody answered.", "Look."), ["Nobody answered.", "→ Look."]),
    ],
)
def test_an_error_is_a_sentence_for_both_who_catch_it(error: KafkaError, lines: list[str]):
    assert isinstance(error, KafkaError)
    assert isinstance(error, WorkshopError)
    assert error.lines() == lines
    assert str(error) == " ".join(lines).replace("→ ", "")


def test_a_closed_admin_client_refuses_whatever_it_can_be_asked():
    assert {"create_topics", "describe_cluster", "list_topics", "wait_for_topics"} <= set(closed_clients.ADMIN)
    assert "close" not in closed_clients.ADMIN


@pytest.mark.parametrize(
    ("words", "repeated"),
    [
        ("apply --server-side -f -", True),
        ("replace --raw /api -f -", True),
        ("delete pod one --ignore-not-found", True),
        ("delete pod one", False),
        ("rollout restart deployment/payments", True),
        ("rollout undo deployment/payments", False),
        ("create -f -", False),
        ("exec one -- true", False),
    ],
)
def test_a_kubectl_that_says_how_something_shall_be_is_repeated(words: str, repeated: bool):
    assert kubectl.may_be_repeated(words.split()) is repeated
