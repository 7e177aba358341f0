"""Lesson 10: the data of its experiments, orders, and services as processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.healthcare import PatientEvent, patient_event
from workshop.domain.healthcare.patient_file import fold
from workshop.lessons.healthcare_and_retail import background, experiments, stock_keeping
from workshop.notebook import other_process

AT = datetime(2014, 4, 1, 12, tzinfo=UTC)


def test_fifty_orders_want_more_of_each_article_than_there_is():
    orders = stock_keeping.fifty_orders()
    assert len({order.reference for order in orders}) == len(orders) == 50
    wanted = {name: sum(order.pieces for order in orders if order.article == name) for name in stock_keeping.STOCK}
    assert all(wanted[name] > count for name, count in stock_keeping.STOCK.items())
    assert [order.article for order in orders[:4]] == ["cocoa", "coffee", "tea", "cocoa"]


def test_works_run_at_the_same_time():
    both = threading.Barrier(2, timeout=20)
    stock_keeping._at_once([both.wait, both.wait])


def test_what_goes_wrong_in_one_work_is_raised():
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stock_keeping._at_once([lambda: None, fail])


def test_a_tired_hand_swaps_two_digits():
    assert experiments._swapped(Decimal("7.1")) == Decimal("1.7")


def test_late_news_are_a_correction_and_a_result_that_was_recorded_late():
    measured = PatientEvent("A", "LacticAcid", AT, "e", AT, Decimal("1.7"))
    news = [patient_event(event) for event in experiments.late_news(fold([measured]))]
    found = fold([measured, *news]).results("LacticAcid")
    assert [str(one.value) for one in found] == ["2.4", "7.1"]
    assert found[0].at == AT - timedelta(hours=4)
    assert [one.versions[-1][1] for one in found] == [AT + timedelta(hours=2), AT + timedelta(hours=20)]
    assert found[1].thought_before == (Decimal("1.7"),)


def test_a_function_runs_in_the_background_until_it_is_stopped_or_another_one_starts():
    ended = []

    def follow(name: str, stopped: Callable[[], bool]) -> None:
        while not stopped():
            time.sleep(0.01)
        ended.append(name)

    background.in_background(follow, "first")
    background.in_background(follow, "second")
    assert ended == ["first"]
    background.stop_background()
    background.stop_background()
    assert ended == ["first", "second"]


def twice(number: int) -> int:
    return 2 * number


def works(file: str, number: int, die: bool = False) -> None:
    if die:
        os.kill(os.getpid(), signal.SIGKILL)  # noqa: F821  # the process has these modules
    with open(file, "a") as out:
        out.write(json.dumps(twice(number)))  # noqa: F821


def fails() -> None:
    raise ValueError("no such order")


def test_a_service_runs_as_a_process_with_the_functions_that_it_uses(tmp_path, capsys):
    file = tmp_path / "out"
    other_process.run_as_process(works, str(file), 21, die=True, uses=[twice])
    assert not file.exists()
    other_process.run_as_process(works, str(file), 21, uses=[twice])
    assert file.read_text() == "42"
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 2)[2] for line in said] == ["was killed (SIGKILL)", "ended normally"]


def test_an_error_of_a_service_is_a_sentence():
    with pytest.raises(WorkshopError) as caught:
        other_process.run_as_process(fails)
    assert caught.value.happened == "`fails` ended with an error: ValueError: no such order"
    assert "json, os, signal, sqlite3 and kafka" in caught.value.next_step
