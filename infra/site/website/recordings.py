"""Recordings of live pictures (`workshop.notebook.recordings`) below the pictures in which they end.

A page has a link to the recording. `recordings.js` makes it a button that plays it in the place of the picture.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode


def of(output: NotebookNode) -> dict[str, Any]:
    """Return the recording of an output, with the file in base64 as `webp`; empty if it has none."""
    return dict(output.get("metadata", {}).get("workshop", {}).get("recording", {}))


def link(recording: dict[str, Any], address: str) -> str:
    """Return the link to a recording; the picture above it has the text alternative."""
    return (
        f'<p class="recording"><a href="{address}" data-seconds="{recording["seconds"]}">'
        f"Recording: {words(recording)}</a></p>"
    )


def words(recording: dict[str, Any]) -> str:
    """Return the duration of a recording and of what it shows, such as "95 seconds in 14"."""
    lasted, seconds = round(recording["lasted"]), round(recording["seconds"])
    return f"{lasted} seconds in {seconds}" if lasted > seconds else f"{seconds} seconds"
