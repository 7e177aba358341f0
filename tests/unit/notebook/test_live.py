"""A picture that is updated in one place, and a line that grows."""

from __future__ import annotations

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
