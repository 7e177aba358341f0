"""Make the three pictures of README.md from real runs: docs/pictures/{lesson,failover,autoscaler}.png.

Usage, on a running stack with Kubernetes (`workshop up`) and with Chromium installed:
    .venv/bin/python infra/tools/pictures.py

Lessons 03 and 08 are executed up to the cells with these pictures. The picture of a lesson is a screenshot of JupyterLab.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from PIL import Image
from workshop.base import endpoints, environment
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.notebook.execute import client_of
from workshop.notebook.handout import solution
from workshop.stack import lab

LARGEST = 300_000  # bytes of one picture
WIDEST = 1_400  # pixels
SHOWN = ("title", "s2", "s2a", "kill-all")  # cells of lesson 03 that fit on a screen
LOADING = 40_000  # milliseconds; time for JupyterLab to load a notebook
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Make the pictures and return the exit code."""
    settings = Settings.load()
    environment.adopt(settings)
    folder = settings.root / "docs" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        replication = executed(settings, "03", until="kill-all")
        save(picture_of(replication, "kill-all"), folder / "failover.png")
        save(screenshot(settings, replication), folder / "lesson.png")
        save(
            picture_of(executed(settings, "08", until="play", leave_out=("curves", "cpu")), "play"),
            folder / "autoscaler.png",
        )
    except WorkshopError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return 1
    return 0


def executed(settings: Settings, number: str, until: str, leave_out: Sequence[str] = ()) -> nbformat.NotebookNode:
    """Return the solved notebook of a lesson, executed up to the cell after `until`."""
    path = solution(settings, number)
    notebook = nbformat.read(path, as_version=4)
    last = next(index for index, cell in enumerate(notebook.cells) if cell.id == until)
    notebook.cells = [cell for cell in notebook.cells[: last + 2] if cell.id not in leave_out]
    client_of(notebook, path).execute()
    return notebook


def picture_of(notebook: nbformat.NotebookNode, cell_id: str) -> Image.Image:
    """Return the last picture that a cell shows."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    pages = [output.data.get("text/html", "") for output in cell.outputs if "data" in output]
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", "".join(pages))
    if not found:
        raise WorkshopError(f"The cell {cell_id} shows no picture.", "Did it fail? `workshop run` tells.")
    return Image.open(io.BytesIO(base64.b64decode(found[-1])))


def screenshot(settings: Settings, notebook: nbformat.NotebookNode) -> Image.Image:
    """Return a picture of JupyterLab with some cells of an executed notebook."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise WorkshopError("Chromium is not installed.", "Install the package chromium, then run this again.")
    port = endpoints.read(settings).get("lab", {}).get("port")
    if not port or not lab.answers(settings, port):
        raise WorkshopError("JupyterLab does not run.", "Run `workshop up`, then this again.")
    page = settings.root / "runs" / "03_replication.ipynb"
    page.parent.mkdir(exist_ok=True)
    notebook = notebook.copy()
    notebook.cells = [cell for cell in notebook.cells if cell.id in SHOWN]
    nbformat.write(notebook, page)
    address = f"http://127.0.0.1:{port}/lab/tree/{page.relative_to(settings.root)}?token={lab.token(settings)}"
    try:
        return _photograph(browser, address)
    finally:
        page.unlink()


def _photograph(browser: str, address: str) -> Image.Image:
    with tempfile.TemporaryDirectory() as scratch:
        shot = Path(scratch) / "shot.png"
        options = [
            "--headless",
            "--no-sandbox",  # root and many containers have none; the page is the project's own
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
        ]
        options += [f"--user-data-dir={scratch}/profile", "--window-size=1400,980", f"--virtual-time-budget={LOADING}"]
        words = [browser, *options, f"--screenshot={shot}", address]
        done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
        if not shot.exists():
            raise WorkshopError("Chromium made no picture.", "The end of its messages:", done.stderr[-1_000:])
        picture = Image.open(shot)
        picture.load()
        return picture


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture with at most 256 colours, not wider than `WIDEST`.

    Raises:
        WorkshopError: it is larger than `LARGEST`.
    """
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), Image.Resampling.LANCZOS)
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    if size > LARGEST:
        raise WorkshopError(f"{path.name} has {size:,} bytes; {LARGEST:,} are allowed.", "Make it smaller.")
    print(f"{path.name}: {picture.width} × {picture.height} pixels, {size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
