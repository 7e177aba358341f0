"""HTTP clients of a notebook reach servers on this machine directly where a proxy is set."""

from __future__ import annotations

import os

import pytest
from workshop.base import environment


def test_servers_on_this_machine_are_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "example.org,127.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)
    environment.bypass_proxy()
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert os.environ["no_proxy"] == "127.0.0.1,localhost"
