"""Lesson 12: schemas, payments, tables, pictures, and the verdicts of its checks. No registry is started."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import fastavro
import httpx2
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from workshop.base.errors import WorkshopError
from workshop.lessons.contracts import checks, clients, compatibility, experiments, parcels, pictures, schemas, servers


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))


def test_payments_are_the_same_for_the_same_seed_and_fit_the_schema():
    one, other = experiments.payments(20), experiments.payments(20)
    assert one == other
    assert experiments.payments(20, seed=1) != one
    assert all(fastavro.validate(payment, schemas.avro()) for payment in one)


def test_the_protobuf_class_has_the_fields_of_the_contract():
    message = experiments.payment_message()
    made = message(**experiments.payments(1)[0])
    assert message.FromString(made.SerializeToString()) == made
    assert [field.name for field in message.DESCRIPTOR.fields] == list(schemas.FIELDS)


def test_json_schema_requires_every_field():
    schema = schemas.json_schema()
    assert schema["required"] == list(schemas.FIELDS) == list(schema["properties"])


def test_a_change_leaves_the_given_schema_as_it_is():
    before = schemas.avro()
    after = json.loads(schemas.changed(before, lambda fields: fields.pop(1)))
    assert before == schemas.avro()
    assert [field["name"] for field in after["fields"]] == ["card", "amount_cents", "at", "payment_id"]
    assert json.loads(schemas.changed(json.dumps(before), lambda fields: None)) == before


def test_the_five_changes_differ_from_the_contract_and_each_other():
    made = {json.dumps(schemas.avro()), *schemas.five_changes().values()}
    assert len(made) == 6


def test_a_table_shows_verdicts_as_signs():
    shown = experiments.table({"a": {"x": True, "y": "1|2"}, "b": {"x": False}})
    assert shown.data.splitlines()[2:] == ["| a | ✓ | 1\\|2 |", "| b | ✗ | None |"]


def test_the_mean_of_bytes_and_its_caption():
    payments = experiments.payments(3)
    sizes = experiments.mean_bytes(payments, {"JSON": experiments.as_json, "short": lambda payment: b"12"})
    assert sizes["short"] == 2
    assert pictures.draw_sizes({"JSON": 200.0, "Avro": 100.0}).alt == (
        "a payment has 200 bytes in plain JSON; Avro 100 (50%)"
    )


def test_an_answer_of_another_form_is_told_its_form():
    assert "is a list" in str(checks.broken(None, schemas.five_changes(), ["FULL"]))
    assert "unanswered" in str(checks.broken(None, schemas.five_changes(), None))
    assert "is 7" in str(checks.contract_kept(None, 7))


@pytest.mark.parametrize(
    ("given", "truth", "says"),
    [
        ({"BACKWARD"}, {"BACKWARD", "FULL"}, "both directions"),
        ({"FORWARD", "FULL"}, {"BACKWARD", "FULL"}, "the new schema reads old data"),
    ],
)
def test_the_hint_fits_the_mistake(given: set[str], truth: set[str], says: str):
    assert says in checks._hint(given, truth)


class FakeRegistry:
    """A registry's client that compares nothing: it refuses in the given modes."""

    def __init__(self, refuses: set[str]) -> None:
        self.refuses, self.mode, self.deleted = refuses, "", []

    def register_schema(self, subject: str, schema: object) -> int:
        return 1

    def set_compatibility(self, subject: str, mode: str) -> None:
        self.mode = mode

    def test_compatibility(self, subject: str, schema: object) -> bool:
        return self.mode not in self.refuses

    def delete_subject(self, subject: str) -> None:
        self.deleted.append(subject)


def test_every_mode_is_asked_and_the_subject_is_deleted(monkeypatch: pytest.MonkeyPatch):
    client = FakeRegistry({"FULL", "FORWARD"})
    monkeypatch.setattr(compatibility, "client", lambda url: client)
    assert compatibility.broken_modes("http://x", schemas.avro(), json.dumps(schemas.avro())) == {"FULL", "FORWARD"}
    assert len(client.deleted) == 1


def test_bad_records_are_all_different_and_none_is_a_payment():
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schemas.avro(), experiments.payments(1)[0])
    client = SchemaRegistryClient.new_client({"url": "mock://"})  # in memory, of the library itself
    good = b"\0\0\0\0\1" + out.getvalue()
    bad = parcels.bad_records(client, "check-other", good)
    assert len(set(bad.values())) == 5
    assert good not in bad.values()


class FakeTrial:
    """A trial whose topics are lists."""

    def __init__(self) -> None:
        self.records = [SimpleNamespace(value=value, offset=n) for n, value in enumerate((b"1", b"bad", b"2"))]
        self.good_ids, self.bad = {"1", "2"}, {"two bytes": b"bad"}
        self._accepted: list[dict] = []
        self._aside: list[parcels.Aside] = []

    def kind_of(self, record: Any) -> str:
        return "a record"

    def deserialize(self, value: bytes) -> dict:
        return {"payment_id": str(int(value))}

    def deserialize_in_an_outage(self, value: bytes) -> dict:
        raise ConnectionError("no registry")

    def accept(self, payment: dict) -> None:
        self._accepted.append(payment)

    def set_aside(self, record: Any, reason: str) -> None:
        self._aside.append(parcels.Aside(record.value, reason))

    def accepted(self) -> list[dict]:
        return self._accepted

    def aside(self) -> list[parcels.Aside]:
        return self._aside


def right(record: Any, deserialize: Callable, accept: Callable, set_aside: Callable) -> None:
    try:
        payment = deserialize(record.value)
    except ValueError as error:
        set_aside(record, str(error))
    else:
        accept(payment)


def greedy(record: Any, deserialize: Callable, accept: Callable, set_aside: Callable) -> None:
    try:
        accept(deserialize(record.value))
    except Exception as error:
        set_aside(record, str(error))


def test_the_trial_accepts_what_raises_in_an_outage_and_refuses_what_sets_everything_aside(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(parcels, "trial", lambda server: FakeTrial())
    server = SimpleNamespace(start=lambda: None)
    assert "passed" in str(checks.contract_kept(server, right))
    assert "a good payment was set aside" in str(checks.contract_kept(server, greedy))


def test_a_request_of_a_client_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections, and answers nothing
        registry = clients.client(f"http://127.0.0.1:{silent.getsockname()[1]}", **{"timeout": 0.2, "max.retries": 0})
        with pytest.raises(httpx2.ReadTimeout):
            registry.get_subjects()
    assert clients.client("http://127.0.0.1:1")._rest_client.timeout == clients.SECONDS


def test_a_registry_that_is_down_is_a_sentence_with_the_command():
    with pytest.raises(WorkshopError, match=r"does not answer.*workshop up --with registry"):
        servers.sweep("http://127.0.0.1:1")
