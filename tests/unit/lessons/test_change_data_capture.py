"""Lesson 06: a process that dies at a step, functions that cannot be read, and what the checks tell."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.debezium import Change
from workshop.lessons.change_data_capture import blocking, card_blocking, checks, limits
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


def update(before: int, after: int) -> Change:
    rows = [{"customer": 1, "limit_cents": cents} for cents in (before, after)]
    return Change("update", {"customer": 1}, *rows, 1, 1)


def test_a_limit_that_is_one_change_behind_is_told_so():
    changes = [update(1, 2), update(2, 3)]
    assert checks._why(changes, 1, {1: 2}, {1: 3}) == "customer 1 is 2, and the database says 3: one change behind"
    assert checks._why(changes, 1, {1: 9}, {1: 3}) == "customer 1 is 9, and the database says 3"


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
