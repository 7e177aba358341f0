"""The consumers of lesson 08: the lag of a group, and the scaler that sets replicas by it."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import NotCoordinatorError, TopicAuthorizationFailedError
from workshop.lessons.scaling_under_load import consumers


class Admin:
    """An admin client that knows the offsets of a group in two topics."""

    def list_group_offsets(self, groups: list[str]) -> dict:
        places = {TopicPartition("payments", 0): 4, TopicPartition("payments", 1): -1, TopicPartition("other", 0): 99}
        return {groups[0]: {place: OffsetAndMetadata(at, "", -1) for place, at in places.items()}}

    def close(self) -> None:
        """Nothing is open."""


class Consumer:
    def __init__(self, **options: object) -> None:
        """A consumer of three partitions with ten records each."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1, 2}

    def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 10)

    def close(self) -> None:
        """Nothing is open."""


def test_a_partition_without_a_bookmark_waits_as_a_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(consumers, "KafkaConsumer", Consumer)
    with consumers.Lag(SimpleNamespace(admin=Admin, kafka={})) as lag:
        assert lag.read() == 6 + 10 + 10


@pytest.fixture
def lag(monkeypatch: pytest.MonkeyPatch) -> consumers.Lag:
    monkeypatch.setattr(consumers, "KafkaConsumer", Consumer)
    monkeypatch.setattr("workshop.base.waiting.time.sleep", lambda seconds: None)
    return consumers.Lag(SimpleNamespace(admin=Admin, kafka={}))


def test_a_coordinator_that_moves_is_asked_again(lag: consumers.Lag, monkeypatch: pytest.MonkeyPatch):
    answers = iter([NotCoordinatorError(), 0])

    def now() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(lag, "_now", now)
    assert lag.read() == 0


def test_a_refusal_is_raised(lag: consumers.Lag, monkeypatch: pytest.MonkeyPatch):
    def refused() -> int:
        raise TopicAuthorizationFailedError

    monkeypatch.setattr(lag, "_now", refused)
    with pytest.raises(TopicAuthorizationFailedError):
        lag.read()


class Lags:
    """The lags of a list, one after the other; the last one stays."""

    def __init__(self, *lags: int) -> None:
        self._lags = list(lags)

    def __call__(self, ws: object) -> Lags:
        return self

    def __enter__(self) -> Lags:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def read(self) -> int:
        return self._lags.pop(0) if len(self._lags) > 1 else self._lags[0]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No cluster and no pauses: the lags come from a list, the replicas that are set go into one."""
    scaled: list[int] = []
    monkeypatch.setattr(consumers, "slow_debits", lambda ws: nullcontext())
    monkeypatch.setattr(consumers, "fill", lambda ws, count: None)
    monkeypatch.setattr(consumers.pods, "core", lambda ws: None)
    monkeypatch.setattr(consumers.delivery, "set_replicas", lambda *some: None)
    monkeypatch.setattr(consumers.deployments, "scale", lambda ws, count, app: scaled.append(count))
    monkeypatch.setattr(consumers.time, "sleep", lambda seconds: None)
    return scaled


def test_the_scaler_sets_the_replicas_until_nothing_waits(quiet: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(consumers, "Lag", Lags(600, 300, 0))
    table = consumers.lag_scaler(None, lambda waiting: {600: 3, 300: 2.0, 0: 1}[waiting])
    assert quiet == [3, 2, 1]
    assert table["lag"].tolist() == [600, 300, 0]
    assert table["replicas"].tolist() == [3, 2, 1]


def test_the_scaler_gives_up_if_the_lag_does_not_fall(quiet: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(consumers, "Lag", Lags(600))
    table = consumers.lag_scaler(None, lambda waiting: 1, patience=0.05)
    assert table["lag"].iloc[-1] == 600
