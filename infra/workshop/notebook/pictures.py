"""One style for every picture: colours that colour-blind people tell apart, direct labels, an alternative text each."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

# Paul Tol's "bright" and "muted" schemes, chosen so that each differs in lightness too.
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
    """A figure as a notebook shows it: an image with a text for those who do not see it.

    The text states the finding, not the drawing: it stands as `alt` in a page and alone where there are no images.
    """

    def __init__(self, figure: Figure, alt: str) -> None:
        self.figure, self.alt = figure, alt
        self.passing = False  # one of many that follow each other: drawn quickly, to leave the cores to what it shows

    def png(self) -> bytes:
        """The image, twice as fine as it is shown, for good screens and the back of a room."""
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
    """A new figure and its axes, in the style; it belongs to nobody, so nothing is shown twice or kept open."""
    use_style()
    drawn = Figure(figsize=(width, height), layout="constrained")
    return drawn, drawn.subplots(rows, columns, **options)


def use_style() -> None:
    """Give every figure of this process the style, also those that an attendee makes."""
    mpl.rcParams.update(STYLE)


def blank(axes: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Make axes a plain sheet to draw on."""
    axes.set(xlim=x, ylim=y)
    axes.axis("off")
