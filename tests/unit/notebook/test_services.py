"""Services of the story as processes of a lesson: their settings, and how answers are counted."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from workshop.base.processes import Component, Processes
from workshop.base.settings import Settings
from workshop.domain.payments.events import AccountDebited, AccountOpened, PaymentDeclined
from workshop.kafka.handle import Kafka
from workshop.notebook import services
from workshop.notebook.connection import Connection

ABOUT = ("card", 100, datetime(2018, 4, 1, tzinfo=UTC))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Component]:
    found: list[Component] = []
    monkeypatch.setattr(Processes, "start", lambda self, component: found.append(component))
    endpoints = {"kafka": {"bootstrap_servers": ["127.0.0.1:1", "127.0.0.1:2"]}}
    monkeypatch.setattr(services.endpoints, "read", lambda settings: endpoints)
    return found


def test_a_service_is_started_with_the_settings_of_a_pod(
    settings: Settings, started: list[Component], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KAFKA_SECURITY", "SASL_SSL")  # of another program of the user
    ws = Connection({}, settings, "local")
    service = services.debits(ws, "p", "d", "b", work_ms=2.5)
    service.start()
    (component,) = started
    assert component.name == service.name
    assert component.argv[1:] == ("-m", "services.debits")
    assert component.env["KAFKA_BOOTSTRAP"] == "127.0.0.1:1,127.0.0.1:2"
    wanted = {"PAYMENTS_TOPIC": "p", "DEBITS_TOPIC": "d", "BALANCES_TOPIC": "b", "WORK_MS": "2.5", "PORT": "0"}
    assert {name: component.env[name] for name in wanted} == wanted
    assert component.env["GROUP"] == service.name
    assert "KAFKA_SECURITY" not in component.env


def test_the_dash_in_a_name_is_no_part_of_a_module(settings: Settings, started: list[Component]):
    ws = Connection({}, settings, "local")
    services.fraud_alerts(ws, "p", "r", "a").start()
    services.limit_alerts(ws, "c", "p", "a").start()
    assert [component.argv[-1] for component in started] == ["services.fraud_alerts", "services.limit_alerts"]


def test_two_services_of_one_kind_have_groups_of_their_own(settings: Settings):
    ws = Connection({}, settings, "local")
    assert services.debits(ws, "p", "d", "b").name != services.debits(ws, "p", "d", "b").name


def test_answers_are_counted_by_payment_and_an_opened_account_is_none(monkeypatch: pytest.MonkeyPatch):
    events = [
        AccountOpened(*ABOUT, "a"),
        AccountDebited(*ABOUT, "a"),
        PaymentDeclined(*ABOUT, "b"),
        AccountDebited(*ABOUT, "a"),
    ]
    asked: list[dict] = []

    def read_all(ws: Kafka, topic: str, **options: object) -> list:
        asked.append(options)
        return [SimpleNamespace(value=event.value()) for event in events]

    monkeypatch.setattr(services.consume, "read_all", read_all)
    assert services.answered(Kafka({}), "debits") == {"a": 2, "b": 1}
    assert asked == [{"isolation_level": "read_committed"}]
