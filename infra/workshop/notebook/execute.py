"""Execution of solved lessons on the running stack, with a self-contained HTML page and the executed notebook of each."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, TextIO

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from traitlets.config import Config

from workshop.base import endpoints, environment, interruptions
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import Settings, rehearse
from workshop.base.timeline import Timeline
from workshop.notebook import recordings, run_record
from workshop.notebook.frames import Frames
from workshop.notebook.handout import needs_kubernetes, needs_streams, read_solved, solution, solutions
from workshop.stack import lifecycle
from workshop.stack.streams import environment as streams

CELL_TIMEOUT = 300  # seconds
# Scripts that a page would load from the network; it looks the same without them.
FROM_THE_NETWORK = (
    "mathjax_url",
    "require_js_url",
    "jquery_url",
    "jupyter_widgets_base_url",
    "html_manager_semver_range",
)


class Client(NotebookClient):
    """Notebook client with a clean interruption, which keeps the frames of live pictures.

    A signal ends the kernel too. nbclient itself ends the kernel while the cells continue, and then fails with an assertion.

    Attributes:
        interrupted: the number of the signal that interrupted the execution, or 0.
        frames: the frames of the live pictures.
    """

    interrupted = 0

    def __init__(self, notebook: nbformat.NotebookNode, **more: Any) -> None:
        super().__init__(notebook, **more)
        self.frames = Frames()

    def process_message(self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int) -> Any:
        """Note a frame, then process the message."""
        self.frames.note(msg)  # first, because nbclient changes the type of some messages
        return super().process_message(msg, cell, cell_index)

    async def async_start_new_kernel(self, **more: object) -> None:
        """Start the kernel, and replace the signal handlers that nbclient has just installed."""
        loop, work = asyncio.get_running_loop(), asyncio.current_task()

        def stop(number: int) -> None:
            self.interrupted = number
            assert work is not None  # this runs in a task
            work.cancel()

        for number in interruptions.SIGNALS:
            loop.add_signal_handler(number, stop, number)
        await super().async_start_new_kernel(**more)


def client_of(notebook: nbformat.NotebookNode, path: Path, **more: Any) -> Client:
    """Return a client that executes a notebook in its file's folder; `more`: options of nbclient."""
    return Client(
        notebook,
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        **more,
    )


def run(settings: Settings, lessons: list[str], console: Console) -> int:
    """Execute lessons by their numbers, or `express`, or all lessons; return 1 if one failed, otherwise 0.

    Raises:
        WorkshopError: the stack does not run, or there is no such lesson.
    """
    chosen = [solution(settings, number) for number in lessons] or solutions(settings)
    state = lifecycle.status(settings)
    if not state["ready"]:
        raise WorkshopError(lifecycle.lacks(state), "Run `workshop up`, then this again.")
    if not lessons and "kubernetes" not in endpoints.read(settings):
        left_out = [path for path in chosen if needs_kubernetes(path)]
        chosen = [path for path in chosen if path not in left_out]
        names = ", ".join(path.name[:2] for path in left_out)
        console.print(
            f"{names} are left out: they need Kubernetes, which is not available (yet). Run `workshop status`."
        )
    environment.adopt(settings)
    rehearse()
    outcomes = [_run_one(settings, path, console) for path in chosen]
    return 0 if all(outcomes) else 1


def runs(settings: Settings) -> Path:
    """Return the folder of the executed notebooks and their pages."""
    return settings.root / "runs"


def _run_one(settings: Settings, path: Path, console: Console) -> bool:
    notebook = read_solved(path)
    if needs_streams(notebook):
        streams.provision(settings, Timeline(console))
    page = runs(settings) / f"{path.stem}.html"
    began = time.monotonic()
    words = settings.state / "logs" / f"run-{path.stem}.log"
    words.parent.mkdir(parents=True, exist_ok=True)
    trouble = _execute(notebook, path, words, console)
    seconds = time.monotonic() - began
    write_atomically(page, to_html(notebook, path.stem))
    run_record.write(notebook, settings, endpoints.read(settings).get("backend", ""), seconds, trouble)
    write_atomically(page.with_suffix(".ipynb"), nbformat.writes(notebook, version=4) + "\n")
    sign = "[red]✗[/]" if trouble else "[green]✓[/]"
    console.print(f"{sign} {path.stem}  {seconds:.1f} s  {page.relative_to(settings.root)}")
    if trouble:
        console.print(trouble, markup=False)
    return not trouble


def _execute(notebook: nbformat.NotebookNode, path: Path, words: Path, console: Console) -> str:
    """Execute all cells with a progress bar, and attach the recordings; return the error message, or an empty string.

    The output of the kernel process goes to the file `words`.
    """
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with progress, words.open("w") as told:
        task = progress.add_task(path.stem, total=len(notebook.cells))
        client = client_of(
            notebook, path, on_cell_complete=lambda cell, cell_index: progress.update(task, completed=cell_index + 1)
        )
        trouble = _trouble(client, told)
    recordings.attach(notebook, client.frames)
    return trouble


def _trouble(client: Client, told: TextIO) -> str:
    """Execute all cells; return the error message, or an empty string."""
    try:
        client.execute(stderr=told)
    except CellExecutionError as error:
        return _shown(client.nb) or f"{error.ename}: {error.evalue}"
    except CellTimeoutError:
        return f"A cell took more than {CELL_TIMEOUT} s. `workshop status` shows whether the brokers are there."
    except (DeadKernelError, asyncio.CancelledError):
        if client.interrupted:
            raise interruptions.Interrupted(client.interrupted) from None
        return f"The kernel died, perhaps for lack of memory. Run `workshop doctor`; its output is in {told.name}."
    finally:
        interruptions.install()  # the event loop has removed the signal handlers at its end
    return ""


def _shown(notebook: nbformat.NotebookNode) -> str:
    """Return the sentences that the failed cell shows; empty if it shows a traceback."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = [output for output in outputs if output.output_type == "error"]
    text = strip_ansi("\n".join(errors[-1].traceback)) if errors else ""
    return "" if "Traceback (most recent call last)" in text else text


def to_html(notebook: nbformat.NotebookNode, title: str) -> str:
    """Return an HTML page that needs no network."""
    # Without embed_images, which would close HTML tags in a lesson's text too early; the outputs contain the pictures
    # anyway.
    exporter = HTMLExporter(template_name="lab")
    for name in FROM_THE_NETWORK:
        if exporter.has_trait(name):
            setattr(exporter, name, "")
    resources = {"metadata": {"name": title}}
    return exporter.from_notebook_node(notebook, resources=resources)[0]
