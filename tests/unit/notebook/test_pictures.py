"""A picture: an image with a text, fine enough for a screen."""

from __future__ import annotations

import struct

import matplotlib as mpl
import pytest
from workshop.notebook import pictures
from workshop.notebook.pictures import Picture, figure


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def test_the_text_stands_beside_the_image_and_cannot_end_its_attribute():
    drawing, _ = figure(width=2, height=1)
    bundle = Picture(drawing, 'a < b "quoted"')._repr_mimebundle_()
    assert bundle["text/plain"] == '[picture] a < b "quoted"'
    assert 'alt="a &lt; b &quot;quoted&quot;"' in bundle["text/html"]
    assert "width:184px" in bundle["text/html"]


def test_a_passing_picture_is_drawn_less_finely():
    drawing, _ = figure(width=2, height=1)
    picture = Picture(drawing, "text")
    still = size(picture.png())
    picture.passing = True
    assert still == (380, 190)
    assert size(picture.png()) == (180, 90)


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (2, 1), (1, 3)])
def test_a_figure_has_the_axes_that_are_asked_for(columns: int, rows: int):
    drawing, _ = figure(columns=columns, rows=rows)
    assert len(drawing.axes) == columns * rows


def test_a_figure_has_the_style_whatever_was_set_before():
    mpl.rcParams["font.size"] = 30
    _, axes = figure()
    assert mpl.rcParams["font.size"] == pictures.STYLE["font.size"]
    assert not axes.spines["top"].get_visible()


def test_colours_differ_also_in_lightness():
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    light = [round(lightness(colour)) for colour in pictures.PALETTE]
    assert len(set(light)) == len(light)


def test_a_blank_sheet_has_no_axes():
    _, axes = figure()
    pictures.blank(axes, (0, 3), (5, 0))
    assert not axes.axison
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 3), (5, 0))


def test_the_finding_is_a_sentence_below_the_image():
    drawing, _ = figure(width=2, height=1)
    page = Picture(drawing, "nothing < 1 is lost")._repr_mimebundle_()["text/html"]
    assert page.endswith(">Nothing &lt; 1 is lost.</div>")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("two, three", "Two, three."), ("Done.", "Done."), ("« Attention »", "« Attention »"), ("", "")],
)
def test_words_become_a_sentence(words: str, sentence: str):
    assert pictures.as_sentence(words) == sentence
