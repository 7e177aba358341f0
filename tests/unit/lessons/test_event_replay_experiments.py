"""Lesson 04: the fold, the snapshot in a file, and a function as a process of its own."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.domain.payments.events import AccountDebited, AccountOpened, PaymentDeclined, PaymentMade, PaymentRefunded
from workshop.lessons.event_replay import experiments, snapshots

AT = datetime(2018, 4, 1, tzinfo=UTC)


def test_facts_lead_to_the_events_of_accounts():
    facts = [
        PaymentMade("a", "t", 300, AT, "p1"),
        PaymentMade("a", "t", 900, AT, "p2"),
        PaymentRefunded("a", 300, AT, "p1"),
        PaymentMade("b", "t", 1, AT, "p3"),
    ]
    events = experiments.answers_to(facts, opening_cents=1_000)
    names = ["AccountOpened", "AccountDebited", "PaymentDeclined", "AccountCredited", "AccountOpened", "AccountDebited"]
    assert [type(event).__name__ for event in events] == names
    assert experiments.balances(events) == {"a": 1_000, "b": 999}


def test_steps_are_those_of_one_card_by_our_fold_or_by_another():
    events = [
        AccountOpened("a", 500, AT, "p"),
        AccountOpened("b", 9, AT, "q"),
        AccountDebited("a", 100, AT + timedelta(hours=1), "p"),
    ]
    assert experiments.steps(events, "a") == [(AT, 500), (AT + timedelta(hours=1), 400)]
    counted = experiments.steps(events, "a", lambda balance, event: balance + 1)
    assert [balance for _, balance in counted] == [1, 2]


def test_facts_of_a_card_are_in_order_of_time_with_refunds_after_their_payments():
    found = experiments.facts_of("card-0001", 30)
    assert [fact.at for fact in found] == sorted(fact.at for fact in found)
    assert {fact.card for fact in found} == {"card-0001"}


class Log:
    """A topic of one partition."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list = []
        monkeypatch.setattr(snapshots, "records_from", self.read)

    def read(self, ws: object, topic: str, first: dict[int, int]) -> list:
        begin = first.get(0, 0)
        records = enumerate(self.events[begin:], begin)
        return [SimpleNamespace(partition=0, offset=offset, value=event.value()) for offset, event in records]


def test_a_database_goes_on_where_it_ended_and_begins_anew_when_it_is_deleted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    log = Log(monkeypatch)
    settings.state.mkdir(parents=True)
    database = snapshots.Database(SimpleNamespace(settings=settings))
    log.events = [AccountOpened("a", 500, AT, "p"), AccountDebited("a", 100, AT, "p")]
    assert database.project("topic") == 2
    log.events.append(AccountDebited("a", 50, AT, "q"))
    assert database.project("topic") == 1
    assert database.balances() == {"a": 350}
    assert database.project("topic") == 0
    database.delete()
    database.delete()
    assert database.project("topic") == 3
    assert database.balances() == {"a": 350}


def test_an_account_survives_its_way_through_the_file():
    account = experiments.states([AccountOpened("a", 500, AT, "p"), AccountDebited("a", 100, AT, "p")])["a"]
    assert snapshots._account_of(snapshots._fields_of(account)) == account


def test_the_history_has_twenty_cards_some_declined_payments_and_a_card_that_comes_late():
    events = experiments.history()
    assert len({event.card for event in events}) == experiments.CARDS
    assert [event.at for event in events] == sorted(event.at for event in events)
    declined = [event for event in events if isinstance(event, PaymentDeclined)]
    late, issued_at = experiments.ISSUED_LATE
    assert min(event.at for event in events if event.card == late) >= issued_at
    for moment in (experiments.a_moment() for _ in range(100)):
        assert declined[0].at < moment < issued_at
        assert moment.microsecond == 500_000


def test_a_function_that_ends_is_reported(capsys: pytest.CaptureFixture, tmp_path: Path):
    experiments.run_as_process(write_and_die, tmp_path / "file", "text")
    assert capsys.readouterr().out.endswith("ended normally\n")
    assert (tmp_path / "file").read_text() == "text"


def test_a_function_that_kills_its_process_is_reported(capsys: pytest.CaptureFixture, tmp_path: Path):
    experiments.run_as_process(write_and_die, tmp_path / "file", "text", die=True)
    assert capsys.readouterr().out.endswith("was killed (SIGKILL)\n")
    assert not (tmp_path / "file").exists()


def test_an_error_in_the_other_process_is_a_sentence(tmp_path: Path):
    with pytest.raises(WorkshopError, match="FileNotFoundError"):
        experiments.run_as_process(write_and_die, tmp_path / "no" / "file", "text")


def write_and_die(file: Path, text: str, die: bool = False) -> None:
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    file.write_text(text)


def test_databases_are_removed(settings: Settings):
    ws = SimpleNamespace(settings=settings)
    one, other = experiments.new_database(ws), experiments.new_database(ws)
    assert one != other
    one.touch()
    experiments.remove_databases(ws)
    experiments.remove_databases(ws)
    assert not one.exists()


def test_noon_is_in_utc():
    assert experiments.noon("2018-06-12") == datetime(2018, 6, 12, 12, tzinfo=UTC)
