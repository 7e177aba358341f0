"""What runs is started anew exactly when it was declared otherwise before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from workshop.base.settings import Settings
from workshop.stack.kubernetes import kubectl, restart_on_change

SETTINGS = Settings(Path("/nowhere"), Path("/nowhere"), Path("/nowhere"))


class Kubernetes:
    """Remembers the one ConfigMap, field manager by field manager, and what was started anew."""

    def __init__(self) -> None:
        self.fields: dict[str, dict[str, str]] = {}
        self.restarted: list[str] = []

    def kubectl(self, settings: Settings, *words: str, data: str | None = None, timeout: float = 0) -> str:
        if words[0] == "get":
            held = {name: value for fields in self.fields.values() for name, value in fields.items()}
            return json.dumps({"data": held}) if self.fields else ""
        if words[:2] == ("rollout", "restart"):
            self.restarted += words[2:]
            return ""
        manager = next(word for word in words if word.startswith("--field-manager"))
        self.fields[manager] = json.loads(data)["items"][0]["data"]
        return ""


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    made = Kubernetes()
    monkeypatch.setattr(kubectl, "kubectl", made.kubectl)
    return made


def test_what_comes_for_the_first_time_or_is_the_same_is_left_alone(kubernetes: Kubernetes) -> None:
    assert not restart_on_change.start_anew(SETTINGS, ("deployment/payments", "deployment/debits"), "one")
    assert not restart_on_change.start_anew(SETTINGS, ("deployment/payments", "deployment/debits"), "one")
    assert kubernetes.restarted == []


def test_what_is_declared_otherwise_is_started_anew_once_and_nothing_else(kubernetes: Kubernetes) -> None:
    restart_on_change.start_anew(SETTINGS, ("deployment/payments", "deployment/debits"), "one")
    restart_on_change.start_anew(SETTINGS, ("statefulset/kafka",), "brokers")
    assert restart_on_change.start_anew(SETTINGS, ("deployment/payments", "deployment/debits"), "two")
    assert not restart_on_change.start_anew(SETTINGS, ("deployment/payments", "deployment/debits"), "two")
    assert not restart_on_change.start_anew(SETTINGS, ("statefulset/kafka",), "brokers")
    assert kubernetes.restarted == ["deployment/payments", "deployment/debits"]


def test_a_digest_tells_contents_apart(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("print(1)")
    before = restart_on_change.digest("words", tmp_path / "program.py")
    assert restart_on_change.digest("words", tmp_path / "program.py") == before
    (tmp_path / "program.py").write_text("print(2)")
    assert restart_on_change.digest("words", tmp_path / "program.py") != before
    assert restart_on_change.digest("a", "b") != restart_on_change.digest("ab")
