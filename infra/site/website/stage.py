"""The source tree of the site: the checkout's pages and the lessons, changed for Sphinx."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import nbformat

from website import markdown, notebooks
from website.lessons import FAILED, NOT_EXECUTED, Lesson

SOURCE = Path(__file__).resolve().parents[1] / "source"
EXTRA = "_extra"  # copied to the top of the site as it is
README = "README.md"
MORE_PAGES = ("CONTRIBUTING.md", "data/README.md")


def pages_of(root: Path) -> list[str]:
    """Return the documentation pages of a checkout, by their path in it; the README comes first."""
    found = sorted(path.relative_to(root).as_posix() for path in (root / "docs").rglob("*.md"))
    return [page for page in (README, *found, *MORE_PAGES) if (root / page).is_file()]


def write(root: Path, lessons: Sequence[Lesson], folder: Path, commit: str) -> None:
    """Write the source tree of the site.

    Args:
        root: the checkout.
        folder: the folder to write; it must not exist.
        commit: the short commit of the checkout, or empty.
    """
    shutil.copytree(SOURCE, folder)
    docs = pages_of(root)
    pictures = [path.relative_to(root).as_posix() for path in (root / "docs/pictures").glob("*") if path.is_file()]
    pages = {
        *(markdown.place_on_site(page) for page in docs),
        *(f"notebooks/{lesson.name}.ipynb" for lesson in lessons),
        *pictures,
    }
    for picture in pictures:
        _write(folder / picture, (root / picture).read_bytes())
    for page in docs:
        text = markdown.for_site((root / page).read_text(encoding="utf-8"), page, pages)
        text += _more(page, docs, lessons, commit)
        _write(folder / markdown.place_on_site(page), text.encode())
    _write(folder / "notebooks/index.md", contents(lessons).encode())
    _write(folder / "slides.md", slides_page(lessons).encode())
    for lesson in lessons:
        notebook = notebooks.page(lesson, pages, folder / EXTRA / notebooks.PICTURES)
        _write(folder / f"notebooks/{lesson.name}.ipynb", nbformat.writes(notebook, version=4).encode())
    (folder / EXTRA).mkdir(exist_ok=True)


def contents(lessons: Sequence[Lesson]) -> str:
    """Return the page that lists the lessons, with what each page shows."""
    rows = [f"| [{_cell(one.title)}]({one.name}.ipynb) | {one.minutes or ''} | {_shown(one)} |" for one in lessons]
    return "\n".join(
        [
            "# Lessons",
            "",
            "Each page is a solved lesson with the outputs of a real run. Solutions of the exercises are folded.",
            "",
            "| lesson | minutes | this page |",
            "|---|---:|---|",
            *rows,
            "",
            *_toctree(one.name for one in lessons),
        ]
    )


def slides_page(lessons: Sequence[Lesson]) -> str:
    """Return the page with links to the slides; Sphinx does not know the slides themselves."""
    items = [f'<li><a href="slides/{lesson.key}.html">{markdown.escape(lesson.title)}</a></li>' for lesson in lessons]
    return "\n".join(
        [
            "# Slides",
            "",
            "The slides are made from the lessons' headings, take-aways and pictures. Use the arrow keys; <kbd>Esc</kbd> "
            "shows all slides, and <kbd>S</kbd> opens the speaker's notes in a second window.",
            "",
            "```{raw} html",
            "<ul>",
            *items,
            "</ul>",
            "```",
            "",
        ]
    )


def _shown(lesson: Lesson) -> str:
    if lesson.state == NOT_EXECUTED:
        return "not executed: without outputs"
    if lesson.state == FAILED:
        return f"**failed** on {lesson.day}"
    return f"executed on {lesson.day}{', edited since' if lesson.outdated else ''}"


def _more(page: str, docs: Collection[str], lessons: Sequence[Lesson], commit: str) -> str:
    """Return what the site adds at the end of a page: the tables of contents for the menus, and the date."""
    if page == README:
        done = sum(lesson.state != NOT_EXECUTED for lesson in lessons)
        failed = sum(lesson.state == FAILED for lesson in lessons)
        words = f"{done} of {len(lessons)} lessons were executed" + (f", of which {failed} failed" if failed else "")
        made = (
            f"\n## About this site\n\nBuilt on {datetime.now(UTC):%Y-%m-%d}{f' at commit {commit}' if commit else ''}; "
        )
        return "\n".join([made + words + ".", "", *_toctree(["notebooks/index", "docs/index", "slides"])])
    if page == "docs/index.md":
        inside = [one.removeprefix("docs/").removesuffix(".md") for one in docs if one.startswith("docs/")]
        below = [name for name in inside if "/" not in name and name != "index"]
        outside = [f"../{one.removesuffix('.md')}" for one in docs if one in MORE_PAGES]
        decisions = ["adr/index"] if "adr/index" in inside else []
        return "\n".join(["", *_toctree([*below, *decisions, *outside])])
    if page == "docs/adr/index.md":
        names = [Path(one).stem for one in docs if one.startswith("docs/adr/") and one != page]
        return "\n".join(["", *_toctree(names)])
    return ""


def _toctree(entries: Iterable[str]) -> list[str]:
    return ["```{toctree}", ":hidden:", "", *entries, "```", ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
