"""Errors of other libraries as sentences; the errors are real ones where the library is installed."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace

import confluent_kafka
import httpx
import httpx2
import psycopg
import pytest
import urllib3
from confluent_kafka.schema_registry.error import SchemaRegistryError
from kafka import TopicPartition
from kafka.coordinator.consumer import ConsumerCoordinator
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from workshop.notebook import foreign_errors
from workshop.notebook.foreign_errors import ELSEWHERE, RUN_AGAIN, explained


@pytest.fixture
def port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_server_of_this_machine_that_does_not_answer_is_named_without_the_query(port: int):
    with pytest.raises(httpx.ConnectError) as error:
        httpx.get(f"http://127.0.0.1:{port}/balances?card=secret", trust_env=False)
    assert explained(error.value) == [f"No server answers at http://127.0.0.1:{port}/balances.", RUN_AGAIN]


def test_urllib3_and_sockets_have_sentences_too(port: int):
    with urllib3.PoolManager() as pool, pytest.raises(urllib3.exceptions.MaxRetryError) as refused:
        pool.request("GET", f"http://127.0.0.1:{port}/", retries=0)
    assert explained(refused.value) == [f"No server answers at 127.0.0.1:{port}.", RUN_AGAIN]
    assert explained(ConnectionRefusedError(111, "refused")) == ["No server answers.", RUN_AGAIN]


def test_urllib_itself_does_not_say_where_it_asked(port: int):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.URLError) as error:
        opener.open(f"http://127.0.0.1:{port}/")
    assert explained(error.value) == ["No server answers.", RUN_AGAIN]


def test_offsets_without_their_class_are_told():
    with pytest.raises(TypeError) as error:
        ConsumerCoordinator._do_commit_offsets_async(
            SimpleNamespace(_use_offset_apis=True), {TopicPartition("t", 0): 0}
        )
    fact, step, other = explained(error.value)
    assert fact == "`commit` takes a dict of partitions to `OffsetAndMetadata`, not to numbers."
    assert "OffsetAndMetadata(offset" in step
    assert "`seek`" in other
    assert explained(TypeError("offsets must be dict[TopicPartition, OffsetAndMetadata]")) == []
    assert explained(TypeError("another")) == []


def test_a_server_elsewhere_has_another_advice():
    request = httpx.Request("GET", "https://example.org/a")
    error = httpx.ConnectTimeout("late", request=request)
    assert explained(error) == ["The server at https://example.org/a did not answer in time.", ELSEWHERE]


def test_a_request_that_is_not_set_is_no_error_of_its_own():
    assert explained(httpx.ConnectError("without a request")) == ["No server answers.", RUN_AGAIN]


def test_a_bad_status_is_told_with_the_address():
    request = httpx.Request("GET", "http://127.0.0.1:1/x?y=1")
    with pytest.raises(httpx.HTTPStatusError) as error:
        httpx.Response(503, request=request).raise_for_status()
    assert explained(error.value)[0] == "http://127.0.0.1:1/x answered with the HTTP status 503."


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, '{"message": "pods \\"x\\" not found."}', 'Kubernetes answers 404: pods "x" not found.'),
        (403, "not JSON", "Kubernetes answers 403: Reason."),
        (400, "[]", "Kubernetes answers 400: Reason."),
        (None, None, "The Kubernetes API does not answer: Reason."),
    ],
)
def test_kubernetes_is_quoted_in_one_sentence(status: int | None, body: str | None, said: str):
    error = ApiException(status=status, reason="Reason")
    error.body = body
    assert explained(error)[0] == said


def test_a_missing_configuration_of_kubernetes_is_told_by_its_first_line():
    assert explained(ConfigException("Invalid kube-config file.\nmore"))[0] == (
        "There is no way to Kubernetes yet: Invalid kube-config file."
    )


def test_a_statement_that_postgresql_refuses_differs_from_a_database_that_is_away():
    assert explained(psycopg.errors.UniqueViolation("duplicate key\nDETAIL: x"))[:2] == [
        "PostgreSQL reports UniqueViolation: duplicate key",
        "DETAIL: x",
    ]
    assert explained(psycopg.OperationalError("connection refused\nmore"))[0] == (
        "PostgreSQL does not answer: connection refused."
    )


def test_a_command_that_failed_is_told_with_the_end_of_what_it_printed():
    script = "for n in 1 2 3 4 5 6; do echo line $n; done >&2; exit 3"
    with pytest.raises(subprocess.CalledProcessError) as error:
        subprocess.run(["sh", "-c", script], check=True, capture_output=True)
    lines = explained(error.value)
    assert lines[0].startswith("The command `sh -c 'for n in")
    assert lines[0].endswith("ended with exit code 3.")
    assert lines[1:-1] == ["  line 3", "  line 4", "  line 5", "  line 6"]


def test_a_command_that_lasts_too_long_is_told_with_its_bound():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(subprocess.TimeoutExpired) as error:
        subprocess.run(command, timeout=0.1, check=True, capture_output=True)
    assert explained(error.value)[0].endswith("did not end within 0.1 s.")


@pytest.mark.parametrize("command", ["one\ntwo", "x" * 200, b"bytes \xff", ["a b", "c"]])
def test_a_command_is_shown_in_one_line(command: str | bytes | list[str]):
    shown = foreign_errors._shown(command)
    assert "\n" not in shown
    assert len(shown) <= 85


def test_an_error_of_librdkafka_is_told_by_its_name():
    error = confluent_kafka.KafkaException(confluent_kafka.KafkaError(confluent_kafka.KafkaError._TRANSPORT, "gone."))
    assert explained(error) == ["Kafka reports _TRANSPORT: gone.", RUN_AGAIN]


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError("x"), OSError(28, "No space left on device")])
def test_an_error_that_is_not_in_the_table_has_no_sentences(error: Exception):
    assert explained(error) == []


def test_a_registry_that_does_not_answer_names_the_command_that_starts_it():
    request = httpx2.Request("POST", "http://127.0.0.1:19096/apis/ccompat/v7/subjects/a-value/versions")
    assert explained(httpx2.ConnectError("refused", request=request)) == [
        "The schema registry does not answer.",
        "→ In a terminal: `workshop up --with registry`. Then run this cell again.",
    ]


@pytest.mark.parametrize(
    ("status", "code", "said", "first", "second"),
    [
        (
            409,
            409,
            "io.x.RuleViolationException: Incompatible artifact: a",
            "answers 409: Incompatible",
            "a default repairs",
        ),
        (404, 40403, "Schema 7 not found", "answers 404: Schema 7 not found.", "No schema has this id here"),
        (500, 50001, "broken", "answers 500: broken.", "workshop logs registry"),
    ],
)
def test_an_error_of_the_registry_is_its_message_and_a_step(status: int, code: int, said: str, first: str, second: str):
    lines = explained(SchemaRegistryError(status, code, said))
    assert first in lines[0]
    assert second in lines[1]
