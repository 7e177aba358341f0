"""The figures of a reading service in Prometheus' format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client import generate_latest
from services.runtime import metrics


@dataclass
class Reader:
    tally: Counter = field(default_factory=Counter)
    lag: dict[int, int] = field(default_factory=dict)
    joined: bool = True


def lines(reader: Reader) -> list[str]:
    text = generate_latest(metrics.registry(reader)).decode()
    return [line for line in text.splitlines() if not line.startswith(("#", "process_"))]


def test_counts_are_labelled_by_type_without_spaces_and_the_lag_by_partition():
    reader = Reader(Counter({"AccountDebited": 3, "begun anew": 1}), {0: 7, 2: 0})
    assert lines(reader) == [
        'events_total{type="AccountDebited"} 3.0',
        'events_total{type="begun_anew"} 1.0',
        'lag{partition="0"} 7.0',
        'lag{partition="2"} 0.0',
    ]


def test_figures_are_those_of_the_moment_at_which_they_are_asked_for():
    reader = Reader()
    registry = metrics.registry(reader)
    reader.tally["PaymentMade"] += 2
    assert registry.get_sample_value("events_total", {"type": "PaymentMade"}) == 2.0
    reader.tally["PaymentMade"] += 1
    assert registry.get_sample_value("events_total", {"type": "PaymentMade"}) == 3.0


def test_a_reader_that_has_done_nothing_has_no_samples_of_its_own():
    assert lines(Reader()) == []


def test_the_memory_of_the_process_is_among_the_figures():
    assert metrics.registry(Reader()).get_sample_value("process_resident_memory_bytes") > 0


def test_two_services_of_equal_counts_have_figures_of_their_own():
    one, other = Reader(Counter(a=1)), Reader(Counter(a=1))
    assert metrics.Figures(one) != metrics.Figures(other)
