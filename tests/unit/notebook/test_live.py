"""A picture that is updated in one place, and a line that grows."""

from __future__ import annotations

import threading

import pytest
from matplotlib.figure import Figure
from workshop.notebook import live
from workshop.notebook.live import Live, Told
from workshop.notebook.pictures import Picture


class Place:
    """A place in a notebook, which keeps what is shown there."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def update(self, thing: object) -> None:
        self.shown.append(thing)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place()

    def display(thing: object, display_id: bool) -> Place:
        assert display_id
        made.update(thing)
        return made

    monkeypatch.setattr(live, "display", display)
    return made


def pictures() -> list[Picture]:
    return [Picture(Figure(), str(number)) for number in range(5)]


def test_the_first_picture_stands_there_at_once_and_the_last_one_is_a_still(place: Place):
    drawn = iter(pictures())
    shown = Live(lambda: next(drawn), every=0.0)
    shown.update()
    shown.finish()
    assert [(one.alt, one.passing) for one in place.shown] == [("0", False), ("1", True), ("2", False)]


def test_a_fresh_picture_is_not_drawn_again(place: Place):
    drawn = iter(pictures())
    shown = Live(lambda: next(drawn), every=3_600.0)
    shown.update()
    shown.update()
    assert len(place.shown) == 1
    shown.finish()
    assert len(place.shown) == 2


def test_a_moment_is_shown_however_fresh_the_picture_is(place: Place):
    drawn = iter(pictures())
    shown = Live(lambda: next(drawn), every=3_600.0)
    shown.show()
    assert [(one.alt, one.passing) for one in place.shown] == [("0", False), ("1", True)]


def test_where_nothing_is_shown_nothing_is_updated(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "display", lambda thing, display_id: None)
    drawn = iter(pictures())
    shown = Live(lambda: next(drawn), every=0.0)
    shown.update()
    shown.finish()


def test_a_line_grows_by_what_begins(place: Place):
    told = Told()
    told.say("start")
    told.say("kill")
    assert [thing.data for thing in place.shown] == ["start", "start → kill"]


def test_the_last_step_of_a_line_can_be_replaced_and_is_not_shown_twice(place: Place):
    told = Told()
    told.say("broker 2 starts")
    told.say("wait")
    told.now("2 partitions wait")
    told.now("2 partitions wait")
    told.now("repaired")
    assert [thing.data for thing in place.shown][-2:] == [
        "broker 2 starts → 2 partitions wait",
        "broker 2 starts → repaired",
    ]
    assert len(place.shown) == 4


def test_outside_a_notebook_steps_are_not_shown(place: Place):
    live.steps().say("broker 2 starts")
    assert place.shown == []


def test_a_block_that_is_slow_is_told_and_its_end_too(place: Place, monkeypatch: pytest.MonkeyPatch):
    shown = threading.Event()
    say = Told.say
    monkeypatch.setattr(Told, "say", lambda told, word: (say(told, word), shown.set()))
    with live.told_if_slow("checking …", after=0):
        assert shown.wait(60)
    assert [thing.data for thing in place.shown] == ["checking …", "checking … → done"]


def test_a_slow_block_that_fails_is_not_done(place: Place, monkeypatch: pytest.MonkeyPatch):
    shown = threading.Event()
    say = Told.say
    monkeypatch.setattr(Told, "say", lambda told, word: (say(told, word), shown.set()))

    def failing() -> None:
        with live.told_if_slow("checking …", after=0):
            shown.wait(60)
            raise RuntimeError("away")

    with pytest.raises(RuntimeError):
        failing()
    assert [thing.data for thing in place.shown] == ["checking …"]


def test_a_quick_block_shows_nothing(place: Place):
    with live.told_if_slow("checking …", after=3_600):
        pass
    assert place.shown == []
