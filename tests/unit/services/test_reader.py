"""Readiness of a reading service: it has joined its group, and is not leaving."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from services.runtime import reader


@pytest.mark.parametrize(
    ("joined", "going", "reason"),
    [
        (True, [], ""),
        (False, [], "has not joined its group"),
        (True, [15], "is shutting down"),
        (False, [15], "is shutting down"),
    ],
)
def test_the_reason_why_a_service_is_not_ready(joined: bool, going: list[int], reason: str):
    found = reader.not_ready(SimpleNamespace(joined=joined), going)
    assert reason in found
    assert bool(found) == bool(reason)


def test_a_service_with_a_wrong_setting_ends_before_it_is_wired(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "nowhere")
    with pytest.raises(SystemExit) as ended:
        reader.run("debits", lambda settings: pytest.fail("wired"))
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("debits cannot start: KAFKA_BOOTSTRAP is 'nowhere'")
