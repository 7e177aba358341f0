"""The frames that the messages of a kernel carry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from workshop.notebook.frames import Frames
from workshop.notebook.pictures import Picture, figure


def shown(level: float, *, passing: bool = True) -> dict[str, str]:
    """Return the output of a picture; another level is another picture."""
    drawn, axes = figure(width=2, height=1)
    axes.plot([0, 1], [0, level])
    one = Picture(drawn, alt=f"level {level}")
    one.passing = passing
    return one._repr_mimebundle_()


def message(data: dict[str, str], second: int, display: str | None = "d", kind: str = "update_display_data") -> dict:
    date = datetime(2026, 11, 29, 12, 0, second, tzinfo=UTC)
    content: dict[str, Any] = {"data": data, "transient": {"display_id": display} if display else None}
    return {"header": {"msg_type": kind, "date": date}, "content": content}


def test_each_new_picture_of_a_display_is_a_frame_with_its_time():
    frames = Frames()
    low, high = shown(1), shown(2)
    frames.note(message(low, 1, kind="display_data"))
    frames.note(message(low, 2))
    frames.note(message(high, 4))
    found = frames.ending_in(high["text/html"])
    assert [frame.at - found[0].at for frame in found] == [0, 3]
    assert [frame.image().size for frame in found] == [(180, 90), (180, 90)]


def test_displays_are_kept_apart():
    frames = Frames()
    one, other = shown(1), shown(2)
    frames.note(message(one, 1, "one"))
    frames.note(message(other, 2, "other"))
    assert [frame.png in other["text/html"] for frame in frames.ending_in(other["text/html"])] == [True]
    assert frames.ending_in(shown(3)["text/html"]) == []


def test_a_new_caption_of_the_same_picture_is_no_frame_but_the_last_output():
    frames = Frames()
    before = shown(1)
    after = {"text/html": before["text/html"].replace("level", "final level")}
    frames.note(message(before, 1))
    frames.note(message(after, 2))
    assert len(frames.ending_in(after["text/html"])) == 1
    assert frames.ending_in(before["text/html"]) == []


def test_other_messages_are_ignored():
    frames = Frames()
    picture = shown(1)
    frames.note(message(picture, 1, None))
    frames.note(message(picture, 1, kind="execute_result"))
    frames.note(message({"text/html": "<table></table>", "text/plain": "t"}, 1))
    frames.note({"header": {"msg_type": "stream"}, "content": {"text": "x"}})
    assert frames.ending_in(picture["text/html"]) == []


def test_a_date_may_be_text():
    frames = Frames()
    picture = shown(1)
    given = message(picture, 1)
    given["header"]["date"] = "2026-11-29T12:00:01Z"
    frames.note(given)
    assert frames.ending_in(picture["text/html"])[0].at == datetime(2026, 11, 29, 12, 0, 1, tzinfo=UTC).timestamp()
