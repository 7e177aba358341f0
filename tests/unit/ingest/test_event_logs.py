"""Event logs as people have them: names stay names, and what cannot be meant is refused with its line and the reason."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.base.errors import WorkshopError
from workshop.cli.data import known_activities
from workshop.domain.event_logs import LoggedEvent, MalformedLogEvent, Totals
from workshop.ingest.event_log_rows import Events, Reading, read

HEADER = "case,what,when,note"
NOON = "2018-04-01 12:00:00"
READING = Reading("case", "when", "what")
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = text.filter(str.strip)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))
logged = st.builds(LoggedEvent, text, names, moments, names, st.dictionaries(names, text, max_size=3))


def only(path: Path, reading: Reading = READING) -> Events:
    """The one chunk of a small file."""
    (found,) = read(path, reading)
    return found


def taken(tmp_path: Path, *lines: str, reading: Reading = READING) -> Events:
    (tmp_path / "log.csv").write_text("\n".join([HEADER, *lines, ""]))
    return only(tmp_path / "log.csv", reading)


@given(logged)
def test_an_event_is_read_back_as_it_was_written(event: LoggedEvent) -> None:
    assert LoggedEvent.parse(event.value()) == event
    assert event.key() == event.case.encode()
    assert event.headers()[0] == ("type", event.activity.encode())


@pytest.mark.parametrize(
    "value",
    [
        *(None, b"", b"no json", b"[1]", b'"text"', b"{}"),
        b'{"type": 1, "case": "a", "at": "2018-04-01", "event_id": "e"}',
        b'{"type": "t", "case": "a", "at": "noon", "event_id": "e"}',
        b'{"type": "t", "case": "a", "at": "2018-04-01", "event_id": "e", "fields": [1]}',
    ],
)
def test_bytes_that_are_no_event_are_refused(value: bytes | None) -> None:
    with pytest.raises(MalformedLogEvent):
        LoggedEvent.parse(value)


@given(st.lists(logged, max_size=20), st.randoms())
def test_totals_do_not_depend_on_the_order(events: list[LoggedEvent], random) -> None:
    mixed = random.sample(events, len(events))
    assert Totals.of(mixed) == Totals.of(events)
    assert Totals.of(events).events == len(events)
    assert str(Totals.of(events))


@pytest.mark.parametrize("name", ["NA", "null", "None", "nan", "1e5", "007", "é ü"])
def test_a_case_of_any_name_is_a_name(name: str, tmp_path: Path) -> None:
    (event,) = taken(tmp_path, f"{name},begun,{NOON},").events
    assert event.case == name
    assert event.at == datetime(2018, 4, 1, 12, tzinfo=UTC)


def test_other_columns_are_kept_as_text_where_they_are_not_empty(tmp_path: Path) -> None:
    found = taken(tmp_path, f"a,begun,{NOON},007", f"a,begun,{NOON},NA", f"a,begun,{NOON},").events
    assert [event.fields for event in found] == [{"note": "007"}, {"note": "NA"}, {}]
    assert len({event.event_id for event in found}) == 3


def test_an_empty_case_is_the_case_that_is_named_so(tmp_path: Path) -> None:
    line = f",begun,{NOON},"
    for name in ("NA", "nobody"):
        found = taken(tmp_path, line, f"a,begun,{NOON},", reading=Reading("case", "when", "what", empty_case=name))
        assert [event.case for event in found.events] == [name, "a"]
        assert found.unnamed == 1
    found = taken(tmp_path, line, reading=Reading("case", "when", "what", empty_case=""))
    assert [(row.line, row.reason) for row in found.refused] == [(2, "there is no case")]
    assert found.unnamed == 0


def test_rows_that_cannot_be_meant_are_refused_with_line_and_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    known = Reading("case", "when", "what", known=frozenset({"begun", "ended"}))
    lines = (
        f"a,begun,{NOON},",
        "a,begun,03/04/2018,",
        f"a,,{NOON},",
        f"a,stolen,{NOON},",
        "a,begun,,",
        "a,begun,2018-02-30 00:00:00,",
        "a,begun",
        f'a,"begun,{NOON},',
        f"a,ended,{NOON},",
    )
    found = taken(tmp_path, *lines, reading=known)
    assert [event.activity for event in found.events] == ["begun", "ended"]
    reasons = {row.line: row.reason for row in found.refused}
    for line, word in {3: "either way round", 4: "no activity", 5: "'stolen' is not among the 2 known"}.items():
        assert word in reasons[line]
    for line, word in {6: "there is no time", 7: "does not exist", 8: "2 fields", 9: "quotation mark"}.items():
        assert word in reasons[line]
    assert [row.raw for row in found.refused] == list(lines[1:8])


def test_where_no_column_says_what_happened_every_row_is_the_same(tmp_path: Path) -> None:
    reading = Reading("case", "when", event="Sold")
    (event,) = taken(tmp_path, f"a,begun,{NOON},", reading=reading).events
    assert (event.activity, event.fields) == ("Sold", {"what": "begun"})


def test_parquet_packed_and_other_separators_give_the_same_events(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"case": ["1", "NA"], "what": ["begun"] * 2, "when": pd.to_datetime([NOON] * 2), "note": ["", "x"]}
    )
    frame.to_parquet(tmp_path / "log.parquet")
    frame.to_csv(tmp_path / "log.csv", sep=";", index=False)
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress((tmp_path / "log.csv").read_bytes()))
    found = [only(tmp_path / name).events for name in ("log.parquet", "log.csv", "log.csv.gz")]
    told = [[(e.case, e.activity, e.at, e.fields) for e in events] for events in found]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize(
    ("content", "reading", "words"),
    [
        (f"{HEADER}\n", Reading("patient", "when", "what"), "no column patient; its columns are: case, what, when"),
        (f"{HEADER},when\n", READING, "the column when more than once"),
        ("", READING, "is empty"),
        (None, READING, "There is no file"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(content: str | None, reading: Reading, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "log.csv").write_text(content)
    with pytest.raises(WorkshopError, match=words):
        list(read(tmp_path / "log.csv", reading))


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 7))
def test_chunks_of_any_size_hold_the_same_events(cases: list[str], size: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        path.write_text("\n".join([HEADER, *(f"{case},begun,{NOON}," for case in cases), ""]))
        parts = list(read(path, READING, size))
        assert [event.case for part in parts for event in part.events] == cases
        assert all(len(part.events) == size for part in parts[:-1])


def test_known_activities_come_from_a_list_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("ER Triage\n\nCRP \n")
    assert known_activities(str(file)) == known_activities("ER Triage, CRP") == {"ER Triage", "CRP"}
    for wrong in (str(tmp_path / "none.txt"), ",", str(tmp_path)):
        with pytest.raises(WorkshopError):
            known_activities(wrong)
