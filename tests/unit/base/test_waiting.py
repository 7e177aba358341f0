"""Waits whose length depends on what is seen: with a clock of the test's own, so that none of them takes time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.waiting import Seen, keep_trying, over, wait_until, wait_while_progressing


class Clock:
    """Time that passes when somebody sleeps, or when a look takes long."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def waited(clock: Clock, look: Callable[[], Seen], patience: float = 10, *, busy: bool = False, **more) -> object:
    return wait_while_progressing(look, patience, every=1, clock=clock, busy=lambda: busy, **more)


def registered(clock: Clock, each: float) -> Callable[[], Seen[str]]:
    """One broker more every so many seconds; all after the third."""
    began = clock.now

    def look() -> Seen[str]:
        count = int((clock.now - began) / each)
        return over("all") if count >= 3 else Seen(f"brokers to be registered ({count} of 3)")

    return look


def test_the_answer_ends_it_at_once(clock: Clock):
    assert waited(clock, lambda: over("here")) == "here"
    assert clock.now == 1000


def test_progress_prolongs_the_wait_beyond_its_patience(clock: Clock):
    assert waited(clock, registered(clock, each=9)) == "all"
    assert clock.now - 1000 == 27


def test_without_progress_it_ends_with_what_was_missing_last(clock: Clock):
    with pytest.raises(WorkshopError) as raised:
        waited(clock, registered(clock, each=12), next_step="Look.", detail=lambda: "the log")
    assert raised.value.happened == "Waited 11 s for brokers to be registered (0 of 3); nothing has changed lately."
    assert (raised.value.next_step, raised.value.detail) == ("Look.", "the log")


def test_a_mark_that_grows_is_progress_though_the_words_stay(clock: Clock):
    looks = iter(range(100))

    def look() -> Seen[str]:
        work = next(looks) // 8
        return over("done") if work > 4 else Seen("JupyterLab to answer", work)

    assert waited(clock, look) == "done"
    assert clock.now - 1000 == 40


def test_progress_without_an_end_has_a_bound(clock: Clock):
    counter = iter(range(10_000))
    with pytest.raises(WorkshopError, match=r"Waited 51 s for it; there was progress, but not enough"):
        waited(clock, lambda: Seen("it", next(counter)))
    counter = iter(range(10_000))
    clock.now = 1000.0
    with pytest.raises(WorkshopError, match=r"Waited 21 s"):
        waited(clock, lambda: Seen("it", next(counter)), longest=20)


def test_what_comes_and_goes_is_no_progress(clock: Clock):
    flapping: Iterator[int] = iter(range(10_000))
    with pytest.raises(WorkshopError, match=r"Waited 1[0-3] s for .*; nothing has changed lately"):
        waited(clock, lambda: Seen(f"a pod that is in state {next(flapping) % 2}"))


def test_seconds_of_a_busy_machine_count_a_third(clock: Clock):
    with pytest.raises(WorkshopError, match=r"Waited 3[01] s"):
        waited(clock, lambda: Seen("it"), busy=True)


def test_a_look_that_takes_long_counts_as_waiting(clock: Clock):
    def slow() -> Seen[str]:
        clock.sleep(30)
        return Seen("an answer")

    with pytest.raises(WorkshopError, match=r"Waited 61 s for an answer; nothing has changed"):
        waited(clock, slow)


def test_what_is_waited_for_is_told_at_each_look(clock: Clock):
    told: list[str] = []
    waited(clock, registered(clock, each=2), tell=told.append)
    assert list(dict.fromkeys(told)) == [f"waiting for brokers to be registered ({n} of 3)" for n in range(3)]


def test_what_a_look_raises_is_raised(clock: Clock):
    with pytest.raises(ZeroDivisionError):
        waited(clock, lambda: 1 / 0)


def test_an_error_that_may_pass_is_waited_for_and_another_is_raised(clock: Clock):
    errors = iter(["refused", "refused", "etcd starts", ""])

    def attempt() -> None:
        if said := next(errors):
            raise WorkshopError("`kubectl apply` failed.", detail=f"first line\n{said}.")

    told: list[str] = []
    assert waited(clock, keep_trying(attempt, lambda error: True, "the API"), tell=told.append) is True
    assert told[0] == "waiting for the API (refused)"
    assert told[-1] == "waiting for the API (etcd starts)"
    errors = iter(["forbidden"])
    with pytest.raises(WorkshopError, match="failed"):
        waited(clock, keep_trying(attempt, lambda error: False, "the API"))


@pytest.mark.parametrize(("busy", "lasts"), [(False, 30), (True, 90)])
def test_a_second_of_a_busy_machine_counts_a_third(clock: Clock, busy: bool, lasts: int):
    with pytest.raises(WorkshopError, match="for the moon"):
        wait_until(lambda: None, 29, "the moon", every=1, clock=clock, busy=lambda: busy)
    assert clock.now - 1000 == pytest.approx(lasts, abs=3)
