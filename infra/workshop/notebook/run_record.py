"""The record of an execution in a notebook's metadata: when, at which commit and on what machine.

It names no host, no user and no folder, so that an executed notebook can be published. The outputs are cleaned likewise.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from nbformat import NotebookNode

from workshop.base.settings import Settings

KEY = "run"  # below the notebook's metadata `workshop`
PROJECT = "kafka-kubernetes-workshop"


@dataclass(frozen=True)
class RunRecord:
    """Where and how a notebook was executed.

    Attributes:
        ended: the time of the end, in UTC, in ISO 8601.
        seconds: the duration.
        commit: the short commit of the checkout, or empty if it is no git checkout.
        changed: whether tracked files differed from that commit.
        backend: the backend of the stack, such as `local`.
        python: the version of Python.
        cores: the number of processors.
        memory_gb: the memory of the machine in units of 10⁹ bytes.
        system: the operating system and the architecture, such as "Linux x86_64".
        failed: the id of the cell that failed; empty if no cell is to blame.
        message: the error message of a failed execution; empty if all cells ran.
    """

    ended: str
    seconds: float
    commit: str
    changed: bool
    backend: str
    python: str
    cores: int
    memory_gb: float
    system: str
    failed: str = ""
    message: str = ""


def write(notebook: NotebookNode, settings: Settings, backend: str, seconds: float, message: str) -> None:
    """Write the record into a notebook that was just executed, and remove this machine's folders from its outputs.

    Args:
        message: the error message, or empty if all cells ran.
    """
    clean = _cleaner(settings)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _clean_output(output, clean)
    changed = _git(settings.root, "status", "--porcelain", "--untracked-files=no")
    record = RunRecord(
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        commit=commit(settings.root),
        changed=bool(changed),
        backend=backend,
        python=platform.python_version(),
        cores=os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {platform.machine()}",
        failed=failed_cell(notebook) if message else "",
        message=clean(message),
    )
    notebook.metadata.setdefault("workshop", {})[KEY] = asdict(record)


def read(notebook: NotebookNode) -> dict[str, Any]:
    """Return the record of an executed notebook, or an empty dictionary."""
    return dict(notebook.metadata.get("workshop", {}).get(KEY, {}))


def commit(root: Path) -> str:
    """Return the short commit of a checkout, or an empty string if it is none."""
    return _git(root, "rev-parse", "--short=10", "HEAD")


def failed_cell(notebook: NotebookNode) -> str:
    """Return the id of the last cell whose output is an error, or an empty string."""
    for cell in reversed(notebook.cells):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return str(cell.id)
    return ""


def _clean_output(output: NotebookNode, clean: Callable[[str], str]) -> None:
    for key in ("text", "evalue"):
        if key in output:
            output[key] = clean(output[key])
    if "traceback" in output:
        output.traceback = [clean(line) for line in output.traceback]
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(content, str):
            output.data[kind] = clean(content)


def _cleaner(settings: Settings) -> Callable[[str], str]:
    """Return a function that replaces the folders of this machine by the project's name or `~`."""
    names = {str(settings.root): PROJECT, str(settings.root.resolve()): PROJECT, _home(): "~"}
    patterns = [
        # Not within another word: the base64 text of a picture may contain the letters of a folder by chance.
        (re.compile(rf"(?<![\w+/=]){re.escape(folder)}(?![\w.-])"), name)
        for folder, name in sorted(names.items(), key=lambda item: -len(item[0]))
        if len(folder) > 1
    ]

    def clean(text: str) -> str:
        for pattern, name in patterns:
            text = pattern.sub(name, text)
        return text

    return clean


def _home() -> str:
    try:
        return str(Path.home())
    except RuntimeError:  # this user has no home folder
        return ""


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
