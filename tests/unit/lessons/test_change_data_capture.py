"""Lesson 06: a process that dies at a step, functions that cannot be read, and what the checks tell."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.debezium import Change
from workshop.lessons.change_data_capture import blocking, card_blocking, checks, limits
from workshop.lessons.change_data_capture.bank import SqlSettings, agree
from workshop.notebook.exercises import engine


def test_a_process_dies_after_the_step_that_it_was_told():
    code = (
        "from workshop.lessons.change_data_capture.blocking import Steps\n"
        "steps = Steps()\nsteps.fatal = 2\n"
        "for number in (1, 2, 3):\n    print(number, flush=True)\n    steps.take()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == "1\n2\n"


def test_an_event_counts_as_a_step_once_it_is_acknowledged():
    steps = blocking.Steps()
    sent: list[tuple] = []

    def acknowledged(timeout: float) -> None:
        assert steps.taken == 0

    def send(topic: str, key: bytes, value: bytes) -> SimpleNamespace:
        sent.append((topic, key, value))
        return SimpleNamespace(get=acknowledged)

    blocking.Topic(SimpleNamespace(send=send), "blocked", steps).send("card-1", {"type": "CardBlocked"})
    assert sent == [("blocked", b'"card-1"', b'{"type": "CardBlocked"}')]
    assert steps.taken == 1


def test_each_card_begins_with_its_own_steps():
    steps = blocking.Steps()
    steps.taken = 9
    seen: list[tuple] = []
    blocking.block(lambda *about: seen.append((*about, steps.taken)), "bank", "topic", "card", steps, 4)
    assert seen == [("bank", "topic", "card", 0)]
    assert steps.fatal == 4


def block_card(bank: object, topic: object, card: str) -> None:
    """A function of an attendee's."""


BANK = SimpleNamespace(
    ws=SimpleNamespace(kafka={"bootstrap_servers": ["a:1", "b:2"]}),
    postgres=SimpleNamespace(address=lambda database: f"postgresql://{database}"),
    database="bank",
)


def run(monkeypatch: pytest.MonkeyPatch, code: int, err: str = "") -> tuple[bool, list]:
    asked: list = []

    def done(argv: list, env: dict) -> subprocess.CompletedProcess:
        assert env["BANK_DATABASE"] == "postgresql://bank"
        assert "def block_card" in argv[3].read_text()
        asked.extend(argv[4:])
        return subprocess.CompletedProcess(argv, code, "", err)

    monkeypatch.setattr(card_blocking, "_run", done)
    return card_blocking.run_blocking(BANK, block_card, "topic", ["x", "y"], "y", 3), asked


@pytest.mark.parametrize(("code", "killed"), [(0, False), (-signal.SIGKILL, True)])
def test_whether_the_process_was_killed_is_returned(code: int, killed: bool, monkeypatch: pytest.MonkeyPatch):
    found, asked = run(monkeypatch, code)
    assert found == killed
    assert asked == ["block_card", "a:1,b:2", "topic", "x,y", "y", "3"]


def test_an_error_of_the_function_is_told_by_its_last_line(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(WorkshopError, match=r"`block_card` ended with NameError: name 'x'\."):
        run(monkeypatch, 1, "Traceback\nNameError: name 'x'")


@pytest.mark.parametrize("how", [print, eval("lambda bank, topic, card: None")])  # noqa: S307
def test_a_function_without_code_is_a_sentence(how: Callable):
    with pytest.raises(WorkshopError, match="The code of this function cannot be read"):
        card_blocking._source(how)


def test_a_function_that_waits_for_ever_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(card_blocking, "PATIENCE", 0.1)
    with pytest.raises(WorkshopError, match=r"did not end within 0\.1 s"):
        card_blocking._run([sys.executable, "-c", "import time; time.sleep(60)"], {})


def unmet(call: Callable[[], object]) -> str:
    with pytest.raises(engine._Unmet) as told:
        call()
    return dict(told.value.lines)["observed"]


@pytest.mark.parametrize(
    ("row", "events", "said"),
    [
        (True, 0, "killed: row, no event"),
        (False, 1, "killed: event, no row"),
        (True, 2, "killed: 2 events of one card"),
    ],
)
def test_row_and_event_come_together_or_not_at_all(row: bool, events: int, said: str):
    assert unmet(lambda: checks._expect_both_or_none("killed", row, events)) == said


@pytest.mark.parametrize(("row", "events"), [(True, 1), (False, 0)])
def test_both_or_neither_is_fine(row: bool, events: int):
    checks._expect_both_or_none("killed", row, events)


def test_other_cards_must_not_be_blocked():
    checks._expect_only({"a"}, ["a", "b"])
    assert unmet(lambda: checks._expect_only({"a", "x"}, ["a"])) == "1 other cards are blocked too, such as x"


@pytest.mark.parametrize(
    ("row", "types", "said"),
    [
        (False, [], "not killed at all: the card is not blocked, and there is no event"),
        (True, [], "not killed at all: the card is blocked, and the topic has no event with this card as its key"),
        (True, ["CardOpened"], "the event has the type CardOpened"),
    ],
)
def test_a_run_without_a_kill_must_leave_a_row_and_an_event_of_the_type(row: bool, types: list[str], said: str):
    assert unmet(lambda: checks._expect_whole(row, types)) == said


def test_events_without_a_type_are_judged_by_their_number():
    checks._expect_whole(True, ["CardBlocked", ""])


def a_change(operation: str, customer: int, before: int | None, after: int | None) -> Change:
    card = f"card-{customer}"
    old, new = (
        None if cents is None else {"card": card, "customer": customer, "limit_cents": cents}
        for cents in (before, after)
    )
    return Change(operation, {"card": card}, old, new, 1, 1)


CHANGES = [
    a_change("read", 1, None, 500),
    a_change("read", 2, None, 500),
    a_change("read", 3, None, 500),
    a_change("update", 1, 500, 700),
    a_change("update", 2, 500, 600),
    a_change("delete", 2, 600, None),
    a_change("tombstone", 2, None, None),
]


def judge(answer: object, table: tuple[dict, ...] = ({"customer": 1, "limit_cents": 900},)) -> Callable[[], object]:
    bank = SimpleNamespace(day=tuple(CHANGES), table=lambda name: list(table))
    return lambda: checks.limits.__wrapped__(bank, [], answer)


def test_the_limits_after_the_last_change_are_right_as_any_mapping_of_numbers():
    said = "2 limits, as the changes say; 1 customers who left are not among them"
    for answer in (
        {1: 700, 3: 500},
        {np.int64(1): np.float64(700), np.int32(3): 500},
        pd.Series({1: 700, 3: 500}),
        MappingProxyType({3: 500.0, 1: 700}),
    ):
        assert judge(answer)() == said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({1: 900}, "these are the limits that the table `cards` has now"),
        ({"card-1": 700, "card-3": 500}, "the keys are cards, such as card-1"),
        ({"1": 700, "3": 500}, "the key '1' is not a customer's number"),
        ({1: 700, 2: 600, 3: 500}, "customer 2: deleted, and still there"),
        ({1: 700}, "customer 3 is missing"),
        ({}, "customer 1, 3 is missing"),
        ({1: 700, 3: 500, 4: 500}, "customer 4 has no card"),
        ({1: 500, 3: 500}, "1 limits differ; customer 1 is 500 instead of 700: one change behind"),
        ({1: 7.0, 3: 5.0}, "2 limits differ; customer 1 is 7.0 instead of 700: these are euros"),
        ({1: "700", 3: None}, "2 limits differ; customer 1 is '700' instead of 700"),
        ([700], "`limits` is a list"),
        (700, "`limits` is a int"),
    ],
)
def test_a_wrong_limit_is_refused_with_what_is_wrong(answer: object, said: str):
    assert unmet(judge(answer)) == said


def test_the_table_is_right_if_the_bank_has_not_changed_it():
    table = ({"customer": 1, "limit_cents": 700}, {"customer": 3, "limit_cents": 500})
    assert judge({1: 700, 3: 500}, table)().startswith("2 limits")


def test_many_names_are_cut():
    assert checks._some([1, 2, 3]) == "1, 2, 3"
    assert checks._some(list(range(2_000))) == "0, 1, 2 and 1,997 more"


def test_limits_count_from_when_the_database_committed_them():
    seen = [
        (9.0, Change("read", {}, None, {"limit_cents": 1}, 500, 1)),
        (9.0, Change("update", {}, None, {"limit_cents": 200}, 2_500, 1)),
        (9.0, Change("delete", {}, {"limit_cents": 200}, None, 4_000, 1)),
    ]
    assert limits._committed(SimpleNamespace(seen=seen), 1.0) == [(1.5, 200), (3.0, None)]


def test_the_card_is_deleted_only_after_its_limits_have_changed():
    running: list[tuple] = []
    done: list[tuple] = []

    def monolith(*words: object) -> str:
        assert running == []  # no two at the same time: a slow one would be overtaken
        running.append(words)
        time.sleep(0.05 if len(done) == 1 else 0)
        done.append(running.pop())
        return ""

    limits.change_card(SimpleNamespace(monolith=monolith), "card-0012", pause=0)
    assert done == [("limit", "card-0012", 20_000), ("limit", "card-0012", 40_000), ("close", 12)]
    assert len(done) == limits.CHANGES


def test_a_table_and_its_topic_agree_if_the_topic_lacks_a_new_column_only():
    old, new = {"id": 1, "city": "Sion"}, {"id": 1, "city": "Sion", "language": "fr"}
    assert agree([old], [new])
    assert agree([new], [new])
    assert not agree([new], [old])
    assert not agree([{**old, "city": "Bern"}], [new])
    assert not agree([], [new])
    assert not agree([old, old], [new])


def test_the_settings_of_the_database_hide_the_password():
    settings = SqlSettings(user="bank", password="hidden")  # noqa: S106
    assert repr(settings) == str(settings) == "{'user': 'bank', 'password': '…'}"
    assert {**settings}["password"] == "hidden"  # noqa: S105


@pytest.mark.parametrize("cents", range(25_600, 25_650))
def test_euros_are_recognised_although_floats_are_inexact(cents: int):
    assert checks._why([], 1, {1: cents / 100}, {1: cents}).endswith("these are euros")
