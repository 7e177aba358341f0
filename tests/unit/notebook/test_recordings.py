"""Recordings of live pictures: frames, durations, size, and their place in the notebook."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image, ImageDraw, ImageSequence
from workshop.notebook import recordings
from workshop.notebook.frames import Frame, Frames

from .test_frames import message, shown

STILL = (1596, 672)  # pixels of the last frame


def line(number: int, size: tuple[int, int] = (760, 320)) -> Image.Image:
    """Return paper with a bar that grows with the number."""
    paper = Image.new("RGB", size, "white")
    ImageDraw.Draw(paper).rectangle((10, 10, 20 + 3 * number, 60), fill="#4477AA")
    return paper


def frame(number: int, image: Image.Image, every: float = 1.0) -> Frame:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Frame(1000.0 + every * number, base64.b64encode(buffer.getvalue()).decode())


def played(webp: bytes) -> Image.Image:
    return Image.open(io.BytesIO(webp))


def experiment(count: int, every: float = 1.0) -> list[Frame]:
    """Return the frames of a live picture; the last one is the still, with more detail."""
    passing = [frame(number, line(number), every) for number in range(count - 1)]
    return [*passing, frame(count - 1, line(count - 1).resize(STILL, Image.Resampling.NEAREST), every)]


def test_a_recording_has_the_frames_of_the_run_and_is_played_once():
    made = recordings.record(experiment(10))
    assert made
    film = played(made.webp)
    assert (film.format, film.n_frames, film.info["loop"], film.size) == ("WEBP", 10, 1, (760, 320))
    assert len(made.webp) < 100_000
    shown = [image.convert("RGB").tobytes() for image in ImageSequence.Iterator(film)]
    assert shown[:-1] == [line(number).tobytes() for number in range(9)]
    assert (made.frames, made.lasted) == (10, 9.0)
    assert made.seconds == pytest.approx(9 + recordings.END)


def test_a_long_experiment_is_played_faster():
    made = recordings.record(experiment(11, every=10))
    assert made
    assert made.lasted == 100
    assert made.seconds == pytest.approx(recordings.LONGEST + recordings.END)


def test_a_pause_is_shortened_and_no_frame_is_too_short_to_be_seen():
    assert recordings.durations([0, 0.001, 0.5, 5.5]) == pytest.approx(
        [recordings.QUICKEST, 0.499, recordings.PAUSE, recordings.END]
    )


def test_a_picture_without_a_course_of_time_has_no_recording():
    stills = [frame(number, line(number).resize(STILL)) for number in range(20)]
    assert recordings.record(stills) is None, "a comparison, drawn once for each measurement"
    assert recordings.record(experiment(recordings.FEWEST + 1))
    assert recordings.record(experiment(recordings.FEWEST)) is None
    assert recordings.record([]) is None


def test_a_recording_that_is_too_large_has_fewer_frames(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "MOST", (20, 6))
    frames = experiment(12)
    whole = recordings.record(frames)
    assert whole
    assert whole.frames == 12
    monkeypatch.setattr(recordings, "LARGEST", len(whole.webp) - 1)
    smaller = recordings.record(frames)
    assert smaller
    assert smaller.frames == 6
    assert len(smaller.webp) <= recordings.LARGEST
    monkeypatch.setattr(recordings, "LARGEST", 100)
    assert recordings.record(frames) is None, "none is better than one that is too large"


def test_the_colours_of_a_drawing_are_exact_and_a_blend_is_close():
    gradient = np.zeros((64, 256, 3), np.uint8)
    gradient[:] = np.arange(256, dtype=np.uint8)[None, :, None]
    image = Image.fromarray(gradient)
    ImageDraw.Draw(image).rectangle((0, 0, 200, 50), fill="#CC3311")
    image.paste("white", (0, 50, 256, 64))
    shown = np.asarray(played(recordings.animated([image, image.rotate(180)], [1, 1])).convert("RGB"), int)
    assert (shown[10, 10].tolist(), shown[60, 10].tolist()) == ([0xCC, 0x33, 0x11], [255, 255, 255])
    assert np.abs(shown - np.asarray(image, int)).max() < 2 * recordings.APART


def test_thinned_frames_keep_the_first_and_the_last():
    frames = [frame(number, line(number, (40, 40))) for number in range(60)]
    chosen = recordings.thinned(frames, 30)
    assert (len(chosen), chosen[0], chosen[-1]) == (30, frames[0], frames[-1])
    assert len({one.at for one in chosen}) == 30


def test_only_the_output_of_a_live_picture_gets_a_recording():
    frames = Frames()
    for second in range(recordings.FEWEST):
        frames.note(message(shown(1 + second), second))
    last, other = shown(9, passing=False), shown(0.5)
    frames.note(message(last, recordings.FEWEST))
    live, still = (new_output("display_data", data=data) for data in (last, other))
    notebook = new_notebook(cells=[new_code_cell("watch()", outputs=[still, live])])
    recordings.attach(notebook, frames)
    assert "workshop" not in still.metadata
    stored = live.metadata["workshop"][recordings.KEY]
    assert (stored["frames"], stored["lasted"]) == (recordings.FEWEST + 1, recordings.FEWEST)
    assert played(base64.b64decode(stored["webp"])).n_frames == recordings.FEWEST + 1
