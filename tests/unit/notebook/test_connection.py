"""The connection of a notebook: errors of Kafka as sentences, and what is told where nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError, UnknownTopicOrPartitionError
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.kafka.failures import ADVICE, NoSuchTopic
from workshop.notebook import connection
from workshop.notebook.connection import Connection

ENDPOINTS = {"backend": "local", "kafka": {"bootstrap_servers": ["127.0.0.1:1"]}, "lab": {}}


def sentences(
    error: KafkaError, monkeypatch: pytest.MonkeyPatch, endpoints: dict = ENDPOINTS, *, answers: bool
) -> list:
    monkeypatch.setattr(connection.endpoints_file, "read", lambda settings: endpoints)
    monkeypatch.setattr(connection, "some_broker_answers", lambda kafka: answers)
    return connection._sentences(error)


def test_an_error_of_kafka_is_its_name_and_its_text_once(monkeypatch: pytest.MonkeyPatch):
    found = sentences(TopicAlreadyExistsError("Topic 'a' exists"), monkeypatch, answers=True)
    assert found == ["Kafka says TopicAlreadyExistsError: Topic 'a' exists"]
    assert sentences(TopicAlreadyExistsError(), monkeypatch, answers=True) == ["Kafka says TopicAlreadyExistsError."]


def test_an_error_that_may_pass_comes_with_advice(monkeypatch: pytest.MonkeyPatch):
    assert sentences(KafkaTimeoutError("late"), monkeypatch, answers=True)[-1] == f"→ {ADVICE}"


def test_an_error_with_sentences_of_its_own_keeps_them(monkeypatch: pytest.MonkeyPatch):
    assert sentences(NoSuchTopic("x"), monkeypatch, answers=True) == [
        "There is no topic 'x'.",
        "→ Run the cell that creates it.",
    ]


def test_a_topic_that_does_not_exist_is_named_without_the_request(monkeypatch: pytest.MonkeyPatch):
    error = UnknownTopicOrPartitionError("not known: TopicPartition(topic='no_such', partition=0)")
    assert sentences(error, monkeypatch, answers=True) == [
        "There is no topic 'no_such'.",
        "→ Run the cell that creates it.",
    ]


def test_a_transaction_that_is_still_open_has_a_next_step(monkeypatch: pytest.MonkeyPatch):
    error = KafkaError(
        "TransactionalId a: Invalid transition attempted from state IN_TRANSACTION to state IN_TRANSACTION"
    )
    assert sentences(error, monkeypatch, answers=True)[0] == "A transaction of this producer is still open."


@pytest.mark.parametrize("endpoints", [{}, ENDPOINTS])
def test_an_error_while_no_broker_answers_is_told_as_a_stack_that_stopped(
    endpoints: dict, monkeypatch: pytest.MonkeyPatch
):
    found = sentences(KafkaTimeoutError("late"), monkeypatch, endpoints, answers=False)
    assert found[0].startswith("The brokers do not answer any more")


def test_somebody_elses_kafka_is_told_with_its_address(monkeypatch: pytest.MonkeyPatch):
    found = sentences(KafkaTimeoutError("late"), monkeypatch, {**ENDPOINTS, "backend": "existing"}, answers=False)
    assert found[0] == "Kafka does not answer at 127.0.0.1:1."


def test_a_password_that_cannot_be_read_is_a_sentence(tmp_path: Path):
    kafka = {
        "bootstrap_servers": ["127.0.0.1:1"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "password_file": str(tmp_path / "gone"),
    }
    with pytest.raises(WorkshopError, match=r"Your password for Kafka cannot be read: No such file.*gone"):
        connection._clients({"kafka": kafka})


def test_clients_ask_again_soon():
    assert connection._clients(ENDPOINTS)["reconnect_backoff_max_ms"] == 200


def test_a_connection_shows_where_it_leads_and_no_password(settings: Settings):
    ws = Connection({"bootstrap_servers": ["127.0.0.1:1"], "sasl_plain_password": "secret"}, settings, "local")
    assert repr(ws) == "connected to Kafka on 127.0.0.1:1 (backend local)"
    assert ws.payments == ""
