"""The frames of live pictures, collected from the messages that a kernel sends while a notebook is executed.

The kernel does nothing for it: it sends the same messages to JupyterLab.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image

EMBEDDED = re.compile(r'class="workshop-picture"[^>]*src="data:image/png;base64,([A-Za-z0-9+/=]+)"')


@dataclass(frozen=True)
class Frame:
    """A picture as it was displayed at one moment.

    Attributes:
        at: when the kernel sent it, in seconds since 1970.
        png: the picture's bytes in base64, as in the output.
    """

    at: float
    png: str

    def image(self) -> Image.Image:
        """Return the decoded picture."""
        return Image.open(io.BytesIO(base64.b64decode(self.png))).convert("RGB")


class Frames:
    """The frames of each display of an execution, in the order of the messages."""

    def __init__(self) -> None:
        self._displays: dict[str, list[Frame]] = {}
        self._last: dict[str, str] = {}  # the last output of each display; its caption may differ from the one before

    def note(self, message: dict[str, Any]) -> None:
        """Keep the picture of a kernel's message; other messages, and a picture that has not changed, are ignored."""
        if message["header"]["msg_type"] not in ("display_data", "update_display_data"):
            return
        display = (message["content"].get("transient") or {}).get("display_id")
        html = message["content"].get("data", {}).get("text/html", "")
        found = EMBEDDED.search(html)
        if not display or not found:
            return
        self._last[display] = html
        frames = self._displays.setdefault(display, [])
        if not frames or frames[-1].png != found[1]:
            frames.append(Frame(_seconds(message["header"]["date"]), found[1]))

    def ending_in(self, html: str) -> list[Frame]:
        """Return the frames of the display whose last output was `html`; empty if there is none."""
        return next((self._displays[display] for display, last in self._last.items() if last == html), [])


def _seconds(date: datetime | str) -> float:
    """Return a message's date, which Jupyter's client has parsed or left as text in ISO 8601, in seconds since 1970."""
    return (date if isinstance(date, datetime) else datetime.fromisoformat(date)).timestamp()
