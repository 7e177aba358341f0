"""Changes in Kubernetes or Kafka Connect whose answers are lost: they are repeated and succeed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.domain import debezium
from workshop.lessons.change_data_capture import bank as banks
from workshop.lessons.change_data_capture.bank import Bank
from workshop.notebook.connection import Connection
from workshop.stack.cdc.connect import Connect
from workshop.stack.kubernetes import deploy, kubectl

from .late_cut import LateCut

pytestmark = pytest.mark.usefixtures("kubernetes")


@pytest.fixture
def cut(ws: Connection, tmp_path: Path) -> Iterator[Callable[[Callable[[], bool]], tuple[Settings, LateCut]]]:
    """Yield a function that returns settings with a relay, which loses the answer to a change."""
    relays: list[LateCut] = []

    def led_through(carried_out: Callable[[], bool]) -> tuple[Settings, LateCut]:
        config = yaml.safe_load(ws.settings.kubeconfig.read_text())
        address = config["clusters"][0]["cluster"]["server"]
        relays.append(LateCut(int(address.rsplit(":", 1)[1].rstrip("/")), carried_out))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relays[-1].port}"
        there = replace(ws.settings, state=tmp_path)
        there.kubeconfig.write_text(yaml.safe_dump(config))
        return there, relays[-1]

    yield led_through
    for relay in relays:
        relay.close()


@pytest.fixture
def note(ws: Connection) -> Iterator[dict]:
    """Yield a manifest that has not been applied yet."""
    name = f"lost-{uuid.uuid4().hex[:6]}"
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"written": "once"}}
    kubectl.kubectl(ws.settings, "delete", "configmap", name, "--ignore-not-found")


def written(ws: Connection, note: dict) -> str:
    """Return the content of a ConfigMap in the API server; empty if it does not exist."""
    name = note["metadata"]["name"]
    text = kubectl.kubectl(ws.settings, "get", "configmap", name, "--ignore-not-found", "-o", "json")
    return json.loads(text)["data"]["written"] if text else ""


def test_a_manifest_is_applied_although_the_answer_is_lost(ws: Connection, cut: Callable, note: dict):
    there, relay = cut(lambda: written(ws, note) == "once")
    kubectl.apply(there, [note])
    assert (relay.cuts, written(ws, note)) == (1, "once")


def test_a_manifest_is_replaced_although_the_answer_is_lost(ws: Connection, cut: Callable, note: dict):
    kubectl.apply(ws.settings, [note])
    note["data"]["written"] = "anew"
    there, relay = cut(lambda: written(ws, note) == "anew")
    place = f"/api/v1/namespaces/{kubectl.namespace(ws.settings)}/configmaps/{note['metadata']['name']}"
    kubectl.kubectl(there, "replace", "--raw", place, "-f", "-", data=json.dumps(note))
    assert (relay.cuts, written(ws, note)) == (1, "anew")


def test_an_object_is_deleted_although_the_answer_is_lost(ws: Connection, cut: Callable, note: dict):
    kubectl.apply(ws.settings, [note])
    there, relay = cut(lambda: not written(ws, note))
    kubectl.kubectl(there, "delete", "configmap", note["metadata"]["name"], "--ignore-not-found")
    assert (relay.cuts, written(ws, note)) == (1, "")


def test_the_services_are_as_delivered_although_an_answer_is_lost(ws: Connection, cut: Callable):
    def limit() -> str:
        where = "jsonpath={.spec.revisionHistoryLimit}"
        return kubectl.kubectl(ws.settings, "get", "deployment/payments", "-o", where)

    delivered = limit()
    change = json.dumps({"spec": {"revisionHistoryLimit": 7}})
    kubectl.kubectl(ws.settings, "patch", "deployment/payments", "-p", change)
    there, relay = cut(lambda: limit() == delivered)
    deploy.as_delivered(there)
    assert (relay.cuts, limit()) == (1, delivered)


def test_what_must_not_be_done_twice_is_not_repeated(ws: Connection, cut: Callable, note: dict):
    there, relay = cut(lambda: written(ws, note) == "once")
    with pytest.raises(WorkshopError, match="`kubectl create -f -` failed"):
        kubectl.kubectl(there, "create", "-f", "-", data=json.dumps(note))
    assert (relay.cuts, written(ws, note)) == (1, "once")
    with pytest.raises(WorkshopError, match="failed") as twice:
        kubectl.kubectl(there, "create", "-f", "-", data=json.dumps(note))
    assert "already exists" in twice.value.detail


@pytest.fixture(scope="module")
def bank(lasting_ws: Connection) -> Iterator[Bank]:
    made = banks.ensure(lasting_ws)
    yield made
    made.close()


def test_a_connector_is_declared_and_taken_away_although_the_answers_are_lost(bank: Bank):
    def declared() -> bool:
        return bank.name in bank.worker.ask("GET", "/connectors")

    config = debezium.connector(bank.database, bank.postgres.port, bank.name, ["cards"])
    for change, carried_out in (
        (lambda worker: worker.put(bank.name, config), declared),
        (lambda worker: worker.delete(bank.name), lambda: not declared()),
    ):
        relay = LateCut(bank.worker.port, carried_out)
        with closing(relay):
            change(Connect(bank.worker.settings, relay.port))
        assert relay.cuts == 1
        assert carried_out()


def test_a_worker_that_ended_is_not_waited_for(bank: Bank):
    bank.kill_connect()
    with pytest.raises(WorkshopError, match="Kafka Connect does not answer"):
        bank.worker.ask("GET", "/connectors")
    bank.start_connect()
