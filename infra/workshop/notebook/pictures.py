"""The style of all pictures: colours for colour-blind readers, direct labels, alternative texts."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

# From Paul Tol's "bright" and "muted" schemes; the colours differ in lightness too.
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#4477AA", "#EE7733", "#228833", "#CC3311", "#AA4499", "#888888"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)
INK, FAINT = "#222222", "#DDDDDD"
WIDTH, HEIGHT = 8.4, 3.6  # inches: fits a laptop's notebook without scrolling

# In JupyterLab's dark theme an image is shown with inverted lightness and the same hues: paper becomes dark, ink light.
DARK = '<style>[data-jp-theme-light="false"] img.workshop-picture{filter:invert(1) hue-rotate(180deg)}</style>'

STYLE: Any = {  # matplotlib types each name and its value
    "figure.figsize": (WIDTH, HEIGHT),
    "figure.dpi": 110,
    "font.size": 11,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(color=PALETTE),
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 2,
    "legend.frameon": False,
}


class Picture:
    """A figure for a notebook: an image with its finding in words.

    The words state the finding, not the drawing. They are computed from the same data, so that they hold for what is on
    the screen: the caption below the image, its `alt`, and the output where images are not shown.
    """

    def __init__(self, figure: Figure, alt: str) -> None:
        self.figure, self.alt = figure, alt
        self.passing = False  # a frame of a live picture: drawn with less detail, to leave the CPU to the experiment

    def png(self) -> bytes:
        """Return the image with twice the displayed resolution, for high-resolution screens and projectors."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=90 if self.passing else 190, facecolor="white")
        return buffer.getvalue()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        data = base64.b64encode(self.png()).decode()
        width = round(self.figure.get_figwidth() * 92)
        image = (
            f'{DARK}<img class="workshop-picture" alt="{escape(self.alt, quote=True)}" '
            f'style="width:{width}px;max-width:100%" src="data:image/png;base64,{data}">'
            # A screen reader reads the `alt`; the same words twice would only delay it.
            f'<div aria-hidden="true" style="max-width:{width}px">{escape(as_sentence(self.alt))}</div>'
        )
        return {"text/html": image, "text/plain": f"[picture] {self.alt}"}


def as_sentence(words: str) -> str:
    """Return words with a capital at the begin and a full stop at the end."""
    stop = "" if words.endswith((".", "!", "?", "»")) else "."
    return f"{words[:1].upper()}{words[1:]}{stop}" if words else ""


def figure(
    width: float = WIDTH, height: float = HEIGHT, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """Return a new figure and its axes, in the style; without pyplot, which would show and keep it again."""
    use_style()
    drawn = Figure(figsize=(width, height), layout="constrained")
    return drawn, drawn.subplots(rows, columns, **options)


def use_style() -> None:
    """Apply the style to all figures of this process, including an attendee's own."""
    mpl.rcParams.update(STYLE)


def blank(axes: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Make axes an empty drawing area."""
    axes.set(xlim=x, ylim=y)
    axes.axis("off")
