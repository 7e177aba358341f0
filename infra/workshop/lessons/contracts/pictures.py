"""Pictures of lesson 12: bytes per payment."""

from __future__ import annotations

from collections.abc import Mapping

from workshop.notebook.pictures import BLUE, GREY, Picture, figure

PLAIN = "JSON"


def draw_sizes(sizes: Mapping[str, float]) -> Picture:
    """Draw the mean bytes per payment of each format.

    Args:
        sizes: the mean by the format's name; one of them is `JSON`, the format without a schema.
    """
    drawing, axes = figure(height=0.9 + 0.5 * len(sizes))
    for row, (name, size) in enumerate(sizes.items()):
        axes.barh(row, size, color=GREY if name == PLAIN else BLUE, height=0.6)
        axes.text(size * 1.01, row, f"{size:.0f}", va="center", fontsize=10)
    axes.set_yticks(range(len(sizes)), list(sizes))
    axes.invert_yaxis()
    axes.set(xlabel="bytes per payment", xlim=(0, max(sizes.values()) * 1.12))
    return Picture(drawing, _words(sizes))


def _words(sizes: Mapping[str, float]) -> str:
    others = [f"{name} {size:.0f} ({size / sizes[PLAIN]:.0%})" for name, size in sizes.items() if name != PLAIN]
    return f"a payment has {sizes[PLAIN]:.0f} bytes in plain JSON; {', '.join(others)}"
