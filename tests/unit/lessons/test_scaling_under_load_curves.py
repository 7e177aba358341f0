"""The response times of lesson 08: figures of a service, and measurements that replace earlier ones."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from workshop.lessons.scaling_under_load import curves


def test_figures_are_read_with_their_labels(monkeypatch: pytest.MonkeyPatch):
    text = '# HELP x\npayments_queued 3.0\nrequests_total{path="/a b",status="201"} 7.0\n'
    monkeypatch.setattr(curves.httpx, "get", lambda url, **more: SimpleNamespace(text=text))
    found = curves._figures(SimpleNamespace(payments="http://payments"))
    assert found == {"payments_queued": 3.0, 'requests_total{path="/a b",status="201"}': 7.0}


class NoLoad:
    """A load that sends nothing."""

    def __init__(self, url: str, stages: list) -> None:
        """Args: as of a load."""

    def __enter__(self) -> NoLoad:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing runs."""


def test_measuring_again_replaces_the_rows_of_the_same_number_of_replicas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(curves.delivery, "expect_slow_network", lambda ws: None)
    monkeypatch.setattr(curves.delivery, "settled", lambda ws, api: 2)
    monkeypatch.setattr(curves.pods, "core", lambda ws: None)
    monkeypatch.setattr(curves, "Load", NoLoad)
    row = {"p50": 0.3, "p95": 0.4, "failed": 0}
    monkeypatch.setattr(
        curves,
        "_watch_stage",
        lambda ws, load, number, stage, count: {"replicas": count, "offered": stage.rate, **row},
    )
    earlier = pd.DataFrame([{"replicas": count, "offered": 1.0, "p50": 9, "p95": 9, "failed": 0} for count in (1, 2)])
    measured = curves.measure(SimpleNamespace(payments=""), earlier, shares=(0.5, 1.2))
    assert measured[["replicas", "offered"]].values.tolist() == [[1, 1.0], [2, 20.0], [2, 48.0]]
