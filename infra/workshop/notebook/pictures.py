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
    """A figure for a notebook: an image with an alternative text.

    The text states the finding, not the drawing: it is the `alt` of the image in a page, and the output where images
    are not shown.
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
            f'<img alt="{escape(self.alt, quote=True)}" style="width:{width}px;max-width:100%" '
            f'src="data:image/png;base64,{data}">'
        )
        return {"text/html": image, "text/plain": f"[picture] {self.alt}"}


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
