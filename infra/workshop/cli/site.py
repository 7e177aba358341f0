"""`workshop site`: the lessons with the outputs of their last runs, and the documentation, as static pages.

The builder (`infra/site/website`) runs in an environment of its own. It writes into a new folder, which then takes the place
of the old site: an interrupted build leaves the old site as it is.
"""

from __future__ import annotations

import argparse
import errno
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from rich.console import Console

from workshop.base import endpoints, system_errors
from workshop.base.diagnosis import DISK, Diagnosis, diagnose
from workshop.base.environment import inherited
from workshop.base.errors import WorkshopError
from workshop.base.files import locked, write_atomically
from workshop.base.processes import interrupts_deferred
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.cli import site_environment
from workshop.notebook import execute, handout, run_record
from workshop.stack import site_address
from workshop.stack.kubernetes import background_build

WITH_WARNINGS = 3  # the builder's exit code
OLD = "old"  # the folder of the old site, below the folder of a build
SPHINX_REPORT = "The full traceback has been saved"  # in a file that is deleted with the folder of the build
EXTERNAL_LINKS = "external-links.txt"  # written by the builder
WAIT = 600  # seconds for another build
out = Console(highlight=False, soft_wrap=True)


def site(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop site`.

    Raises:
        WorkshopError: no lesson was executed, or the build failed; an older site is still there.
    """
    timeline = Timeline()
    if options.execute:
        _run_missing(settings)
    lessons = {path: _lesson(settings, path) for path in handout.handed_out(settings)}
    executed = [path for path, notebook in lessons.items() if run_record.read(notebook)]
    if not executed and not options.without_outputs:
        raise WorkshopError(
            "No lesson was executed yet, so there are no outputs for the site.",
            "Run `workshop up`, then `workshop run`, then `workshop site`; or `workshop site --without-outputs`.",
        )
    if answered := _answered(settings):
        out.print(f"Your answers in {', '.join(answered)} are not part of the site: it is built from solutions/.")
    _tell_what_is_missing(lessons)
    site_environment.provision(settings, timeline)
    began = time.monotonic()
    index = build(settings, lessons, timeline)
    size = sum(path.stat().st_size for path in index.parent.rglob("*") if path.is_file())
    pages = sum(1 for _ in index.parent.rglob("*.html"))
    out.print(f"{pages} pages, {size / 1e6:.1f} MB, in {time.monotonic() - began:.0f} s: {index.as_uri()}")
    out.print(_external_links(index.parent / EXTERNAL_LINKS, settings.root))
    return 0


def _external_links(file: Path, root: Path) -> str:
    """Return the number of links to other hosts and the place of their list, as a sentence."""
    addresses = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith(" ")]
    return (
        f"{len(addresses)} addresses on other hosts are linked, and not checked: {file.relative_to(root)} lists them."
    )


def _run_missing(settings: Settings) -> None:
    """Execute the lessons that have no outputs yet: those that need Kubernetes last, once it runs."""
    missing = [path for path in handout.handed_out(settings) if not run_record.read(_lesson(settings, path))]
    later = [_key(path) for path in missing if handout.needs_kubernetes(path)]
    first = [_key(path) for path in missing if _key(path) not in later]
    if first:
        execute.run(settings, first, out)
    if later and _kubernetes_comes(settings, later):
        execute.run(settings, later, out)


def _kubernetes_comes(settings: Settings, lessons: list[str]) -> bool:
    """Wait for Kubernetes as long as it is built in the background; print why not if this stack gets none."""
    names = ", ".join(lessons)
    if "kubernetes" not in endpoints.read(settings):
        longest = background_build.LONGEST // 60
        out.print(
            f"{names} need Kubernetes, which does not run yet. If it is being built, this waits {longest} minutes."
        )
    try:
        background_build.wait(settings)
    except WorkshopError as error:
        out.print(f"{names} are not executed. {error.happened} {error.next_step}")
        return False
    return True


def _key(path: Path) -> str:
    """Return what names a lesson on the command line."""
    return path.stem.partition("_")[0]


def _lesson(settings: Settings, path: Path) -> NotebookNode:
    """Return the executed notebook of a lesson, or the solved one if it was not executed."""
    solved = handout.read_solved(path)
    file = execute.runs(settings) / path.name
    try:
        executed = nbformat.read(file, as_version=4)
    except FileNotFoundError:
        return solved
    except (OSError, ValueError) as error:
        raise WorkshopError(
            f"{file.relative_to(settings.root)} cannot be read as a notebook: {error}.",
            f"`workshop run {_key(path)}` writes it again.",
        ) from error
    if not run_record.read(executed):
        return solved  # written by another program
    same = [(cell.id, cell.source) for cell in executed.cells] == [(cell.id, cell.source) for cell in solved.cells]
    executed.metadata.workshop["outdated"] = not same
    return executed


def _answered(settings: Settings) -> list[str]:
    """Return the names of the attendees' notebooks that contain answers."""
    found = []
    for path in handout.handed_out(settings):
        theirs = settings.root / "notebooks" / path.name
        if theirs.exists() and any(
            handout.is_answer(cell) and cell.source.strip() != handout.STUB
            for cell in nbformat.read(theirs, as_version=4).cells
        ):
            found.append(f"notebooks/{path.name}")
    return found


def _tell_what_is_missing(lessons: dict[Path, NotebookNode]) -> None:
    for words, keys in (
        ("were not executed; their pages have no outputs", [p for p, n in lessons.items() if not run_record.read(n)]),
        ("failed in their last run", [p for p, n in lessons.items() if run_record.read(n).get("message")]),
        ("were edited after their last run", [p for p, n in lessons.items() if _outdated(n)]),
    ):
        if names := [_key(path) for path in keys]:
            out.print(f"{', '.join(names)} {words}. Run `workshop run {' '.join(names)}`.")


def _outdated(notebook: NotebookNode) -> bool:
    return bool(notebook.metadata.get("workshop", {}).get("outdated"))


def build(settings: Settings, lessons: dict[Path, NotebookNode], timeline: Timeline) -> Path:
    """Build the site, and put it in the place of an older one; return the first page.

    Raises:
        WorkshopError: the build failed; an older site is still there.
    """
    runs = execute.runs(settings)
    with locked(runs / ".site.lock", WAIT, "builds the site"), _scratch(runs) as work:
        for path, notebook in lessons.items():
            write_atomically(work / "lessons" / path.name, nbformat.writes(notebook, version=4))
        with timeline.step("pages and slides"):
            _run_builder(settings, work)
        _exchange(work / "out", site_address.folder(settings.root))
    return site_address.first_page(settings.root)


@contextmanager
def _scratch(runs: Path) -> Iterator[Path]:
    """Provide an empty folder for a build, and delete it afterwards."""
    work = runs / ".site-building"
    if (work / OLD).exists() and not (runs / "site").exists():
        (work / OLD).rename(runs / "site")  # a build was killed between its last two steps
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full() from error
        raise system_errors.explained(error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_builder(settings: Settings, work: Path) -> None:
    words = [str(site_environment.python(settings)), "-P", "-m", "website", "--root", str(settings.root)]
    words += ["--lessons", str(work / "lessons"), "--vendor", str(site_environment.vendored(settings))]
    words += ["--work", str(work), "--out", str(work / "out")]
    words += ["--commit", run_record.commit(settings.root)]
    env = inherited(PYTHONPATH=str(settings.root / "infra/site"), PYTHONDONTWRITEBYTECODE="1", TMPDIR=str(work))
    done = subprocess.run(
        words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == WITH_WARNINGS:
        out.print((work / "warnings.txt").read_text().replace(f"{work}/source/", "").strip(), markup=False)
    elif done.returncode:
        said = f"{done.stdout}\n{done.stderr}"
        found = diagnose(said, NOT_BUILT)
        raise WorkshopError(
            f"{found.fact} An older site, if there was one, is unchanged.",
            found.next_step,
            "\n".join(said.partition(SPHINX_REPORT)[0].strip().splitlines()[-6:]),
        )


def _exchange(new: Path, site: Path) -> None:
    """Put the new site in the place of the old one."""
    old = new.with_name(OLD)
    with interrupts_deferred():
        if site.exists():
            site.rename(old)
        new.rename(site)


def _full() -> WorkshopError:
    return WorkshopError(
        "The disk is full. An older site, if there was one, is unchanged.",
        "Free some space, then run `workshop site` again.",
    )


# Texts in the builder's output.
NOT_BUILT = (
    Diagnosis(DISK, "The disk is full.", "Free some space, then run `workshop site` again."),
    Diagnosis(
        "No module named",
        "The environment of the site is damaged.",
        f"Delete {site_environment.ENVIRONMENT}, then run `workshop site` again.",
    ),
    Diagnosis("", "The site could not be built.", "The lines above have the reason; correct it, and run it again."),
)
