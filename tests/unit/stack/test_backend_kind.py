"""The backend `kind`: whether it can be used, and what is stopped. No Docker engine is asked."""

from __future__ import annotations

import pytest
from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.backends import kind
from workshop.stack.backends.kind import Kind


class Nodes:
    """Nodes that note that they were stopped."""

    name = "workshop"

    def __init__(self) -> None:
        self.stopped = 0

    def record(self) -> None:
        return None

    def stop(self) -> list[str]:
        self.stopped += 1
        raise WorkshopError("Docker is slow.")


@pytest.fixture
def backend(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Kind:
    made = Kind(settings)
    made.nodes = Nodes()
    monkeypatch.setattr(kind.engine, "answers", lambda: "")
    monkeypatch.setattr(kind.preflight, "measure", lambda settings: [])
    monkeypatch.setattr(kind.images, "can_be_had", lambda settings: "")
    return made


def test_it_can_be_used_where_everything_is_there(backend: Kind):
    assert backend.available() == ""


def test_an_engine_that_does_not_answer_is_the_first_reason(backend: Kind, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kind.engine, "answers", lambda: "no Docker engine answers")
    monkeypatch.setattr(kind.preflight, "measure", lambda settings: pytest.fail("measured"))
    assert backend.available() == "no Docker engine answers"
    assert backend.down() == []
    assert not backend.runs()


@pytest.mark.parametrize(("stops", "said"), [(True, "memory: 2 GB"), (False, "no image")])
def test_only_a_finding_that_stops_everything_is_a_reason(
    backend: Kind, stops: bool, said: str, monkeypatch: pytest.MonkeyPatch
):
    findings = [Finding(True, "disk", "much"), Finding(False, "memory", "2 GB", "Give more.", stops)]
    monkeypatch.setattr(kind.preflight, "measure", lambda settings: findings)
    monkeypatch.setattr(kind.images, "can_be_had", lambda settings: "no image")
    assert backend.available() == said


def test_a_failed_start_stops_the_nodes_that_it_started_and_no_others(backend: Kind):
    backend.undo()
    assert backend.nodes.stopped == 0
    backend._started_nodes = True
    backend.undo()  # what stopping itself raises does not hide the first error
    assert backend.nodes.stopped == 1


def test_without_a_record_there_was_no_cluster(backend: Kind):
    assert not backend.was_made()
