"""Recordings of live pictures: their frames as an animated WebP, stored in the metadata of the output.

In the notebook itself, a recording cannot be taken for one of another run.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from nbformat import NotebookNode
from PIL import Image

from workshop.notebook.frames import Frame, Frames

KEY = "recording"  # below the output's metadata `workshop`
FEWEST = 2  # frames with less detail than the last one; a picture that compares measurements has none
LONGEST = 12.0  # seconds of a recording; a longer experiment is played faster
PAUSE = 1.5  # seconds that a frame lasts at most, such as while a broker restarts
QUICKEST = 0.04  # seconds that a frame lasts at least; browsers slow shorter ones down
END = 1.5  # seconds of the last frame
WIDEST = 760  # pixels: the width of a live picture's frames
LARGEST = 1_000_000  # bytes
COLOURS = 256
APART = 8  # the least difference of two colours: Pillow's `quantize` takes closer ones for each other
MOST = (150, 100, 60, 30)  # frames; a smaller number is tried if the file is too large


@dataclass(frozen=True)
class Recording:
    """An animation that is played once.

    Attributes:
        webp: the file's content.
        seconds: the duration of the animation.
        lasted: the duration of what it shows, in seconds.
        frames: the number of frames.
    """

    webp: bytes
    seconds: float
    lasted: float
    frames: int


def attach(notebook: NotebookNode, frames: Frames) -> None:
    """Store a recording with each output that ended a live picture."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html", "")
            if html and (made := record(frames.ending_in(html))):
                output.metadata.setdefault("workshop", {})[KEY] = {
                    "webp": base64.b64encode(made.webp).decode(),
                    "seconds": round(made.seconds, 2),
                    "lasted": round(made.lasted, 1),
                    "frames": made.frames,
                }


def record(frames: Sequence[Frame]) -> Recording | None:
    """Return the recording of a live picture, or None if it shows no course of time or does not fit `LARGEST`."""
    if not frames or not moves(frames):
        return None
    lasted = frames[-1].at - frames[0].at
    for most in MOST:
        chosen = thinned(frames, most)
        seconds = durations([frame.at for frame in chosen])
        webp = animated([frame.image() for frame in chosen], seconds)
        if len(webp) <= LARGEST:
            return Recording(webp, sum(seconds), lasted, len(chosen))
    return None


def moves(frames: Sequence[Frame]) -> bool:
    """Return whether a live picture shows a course of time: it was drawn with less detail while it changed.

    A picture that compares measurements is drawn once for each of them, in full detail.
    """
    full = frames[-1].image().width
    return sum(frame.image().width < full for frame in frames) >= FEWEST


def thinned(frames: Sequence[Frame], most: int) -> list[Frame]:
    """Return at most this many frames, evenly spread, with the first and the last one."""
    if len(frames) <= most:
        return list(frames)
    return [frames[round(number * (len(frames) - 1) / (most - 1))] for number in range(most)]


def durations(times: Sequence[float]) -> list[float]:
    """Return how long each frame is shown, in seconds, from the moments at which the frames were displayed."""
    faster = min(1.0, LONGEST / max(times[-1] - times[0], QUICKEST))
    shown = [(later - earlier) * faster for earlier, later in pairwise(times)]
    return [*(min(max(one, QUICKEST), PAUSE) for one in shown), END]


def animated(images: Sequence[Image.Image], seconds: Sequence[float]) -> bytes:
    """Return an animated WebP, which is played once.

    A drawing has few colours: it becomes smaller, and its text stays sharper, without loss than with loss.
    """
    width = min(WIDEST, max(image.width for image in images))
    scaled = [image.resize((width, round(image.height * width / image.width))) for image in images]
    size = (width, max(image.height for image in scaled))
    drawn = [_on_paper(image, size) for image in scaled]
    colours = palette(drawn)
    first, *rest = [image.quantize(palette=colours, dither=Image.Dither.NONE).convert("RGB") for image in drawn]
    buffer = io.BytesIO()
    milliseconds = [round(1000 * one) for one in seconds]
    first.save(
        buffer, "WEBP", save_all=True, append_images=rest, duration=milliseconds, loop=1, lossless=True, quality=60
    )
    return buffer.getvalue()


def _on_paper(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the image on white paper of this size."""
    paper = Image.new("RGB", size, "white")
    paper.paste(image)
    return paper


def palette(images: Sequence[Image.Image]) -> Image.Image:
    """Return an image with the most frequent colours of all images as its palette."""
    counted: Counter[tuple[int, int, int]] = Counter()
    for image in images:
        for count, colour in image.getcolors(image.width * image.height) or []:
            counted[cast("tuple[int, int, int]", colour)] += count
    chosen: list[tuple[int, int, int]] = []
    for colour, _ in counted.most_common():
        if all(max(abs(a - b) for a, b in zip(colour, other, strict=True)) >= APART for other in chosen):
            chosen.append(colour)
        if len(chosen) == COLOURS:
            break
    holder = Image.new("P", (1, 1))
    holder.putpalette([part for colour in chosen for part in colour])
    return holder
