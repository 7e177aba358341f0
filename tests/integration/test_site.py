"""The site, built from small lessons and a part of the documentation, and read in a browser from its folder."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.cli import site, site_environment
from workshop.notebook import recordings, run_record
from workshop.notebook.frames import Frames
from workshop.notebook.pictures import Picture, figure
from workshop.stack import site_address
from workshop.stack.bundle import making

from . import browser

DOCS = (
    *("index.md", "start.md", "glossary.md", "architecture.md", "instructor.md"),
    *("adr/index.md", "adr/0005-imports-point-down.md"),
)
WIDTHS = (390, 1024, 1600)
TERMS = {
    "partition": "docs/glossary",
    "supervisor": "docs",
    "courtier": "docs/glossary",
    "bootstrap": "docs/start",
    "import-linter": "docs/adr",
    "half a day": "docs/instructor",
    "control plane": "docs/architecture",
    "zebrafish": "notebooks/01_well",
    "narwhal": "notebooks/02_failed",
    "wombat": "notebooks/03_not_run",
}
LARGEST = 15_000_000  # bytes without pictures


def live_picture() -> tuple[dict[str, str], Frames]:
    """Return the output in which a live picture of two seconds ended, and its frames."""
    frames = Frames()
    start = datetime.now(UTC)
    for second in range(0, 11, 2):
        drawn, axes = figure()
        axes.plot([0, second], [0, second])
        picture = Picture(drawn, alt="the gap closes")
        picture.passing = second < 10
        data = picture._repr_mimebundle_()
        header = {"msg_type": "update_display_data", "date": start + timedelta(seconds=second)}
        frames.note({"header": header, "content": {"data": data, "transient": {"display_id": "live"}}})
    return data, frames


def notebook(number: str, word: str, *, fails: bool = False) -> NotebookNode:
    """Return a lesson with pictures, a table, an exercise and links; executed, but without a record."""
    drawn, axes = figure()
    axes.plot([0, 1], [0, 1])
    shown = Picture(drawn, alt="payments rise")._repr_mimebundle_()
    table = {"text/html": f"<table><tr><th>offset</th></tr><tr><td>{'9' * 200}</td></tr></table>", "text/plain": "t"}
    error = new_output("error", ename="ValueError", evalue="bad", traceback=["\x1b[31mValueError\x1b[0m: bad"])
    title = f"# {number} · A {word}\n\n**After this lesson you can** find a {word}.\n\n*30 minutes.*"
    folded = "<details><summary>After you have run it</summary>\n\nIt **rises**.\n\n</details>"
    bad = [new_code_cell("raise ValueError('bad')", id="bad", outputs=[error], execution_count=9)] if fails else []
    lively, frames = live_picture()
    made = new_notebook(
        cells=[
            new_markdown_cell(title, id="title"),
            new_markdown_cell(
                "## 1 · A picture\n\n**Predict:** *does it rise?* See the [words](../docs/glossary.md).", id="s1"
            ),
            new_code_cell("draw()", id="draw", outputs=[new_output("display_data", data=shown)]),
            new_markdown_cell(folded, id="after"),
            new_code_cell("rows()", id="rows", outputs=[new_output("display_data", data=table)]),
            new_code_cell(
                "!kafka-topics --list \\\n  | head", id="shell", outputs=[new_output("stream", text="x" * 300)]
            ),
            new_markdown_cell("## 2 · « Le temps »\n\nIt says « *Attention, vous* »; no « end.", id="s2"),
            new_code_cell("watch()", id="watch", outputs=[new_output("display_data", data=lively)]),
            new_code_cell("answer = 1", id="ex1-answer", metadata={"tags": ["answer"]}),
            *bad,
            new_markdown_cell("## To take away\n\n**The log stays.**\n\n**Next:** [01](01_well.ipynb)", id="end"),
        ]
    )
    recordings.attach(made, frames)
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with three lessons: one that ran, one that failed, and one that was not executed."""
    there = Settings.load()
    site_environment.provision(there, Timeline(), tests=True)
    root = tmp_path_factory.mktemp("a checkout")
    for name in (site_environment.ENVIRONMENT, "infra"):
        (root / name).symlink_to(there.root / name)
    for page in (
        "README.md",
        "CONTRIBUTING.md",
        "data/README.md",
        "requirements.txt",
        "pyproject.toml",
        *(f"docs/{name}" for name in DOCS),
    ):
        (root / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(there.root / page, root / page)
    shutil.copytree(there.root / "docs/pictures", root / "docs/pictures")
    for folder in ("solutions", "notebooks", "runs"):
        (root / folder).mkdir()
    settings = replace(there, root=root)
    execute(settings, "01_well", notebook("01", "zebrafish"), "")
    execute(settings, "02_failed", notebook("02", "narwhal", fails=True), "ValueError: bad")
    nbformat.write(notebook("03", "wombat"), root / "solutions/03_not_run.ipynb")
    return root


def execute(settings: Settings, name: str, lesson: NotebookNode, message: str) -> None:
    """Write a lesson into solutions/, and with the record of a run into runs/."""
    nbformat.write(lesson, settings.root / f"solutions/{name}.ipynb")
    run_record.write(lesson, settings, "local", 12.0, message)
    nbformat.write(lesson, settings.root / f"runs/{name}.ipynb")


@pytest.fixture(scope="module")
def at(root: Path) -> Settings:
    return replace(Settings.load(), root=root)


@pytest.fixture(scope="module")
def told(at: Settings) -> str:
    """Build the site, and return what the command printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert site.site(at, argparse.Namespace(without_outputs=False, execute=False)) == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def built(at: Settings, told: str) -> Path:
    """Return the folder of the built site."""
    return site_address.folder(at.root)


@pytest.fixture(scope="module")
def tab() -> Iterator[browser.Browser]:
    path = browser.program()
    if path is None:
        pytest.skip("Chromium is not installed; the package chromium has it")
    with browser.opened(path) as one:
        yield one


class Links(HTMLParser):
    """Collects the targets and the anchors of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.anchors |= {name for name in (given.get("id"), given.get("name")) if name}
        self.links += [link for name in ("href", "src") if (link := given.get(name))]


def pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def test_the_command_tells_what_is_missing_and_sphinx_has_no_warning(told: str, built: Path) -> None:
    assert "03 were not executed" in told
    assert "02 failed in their last run" in told
    assert (built / "index.html").as_uri() in told
    assert "WARNING" not in told


def test_every_link_leads_somewhere(built: Path) -> None:
    parsed = {page: Links(page) for page in pages(built)}
    dead = []
    for page, found in parsed.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchors = parsed[target].anchors if target in parsed else set()
            if not target.exists() or (parts.fragment and target in parsed and unquote(parts.fragment) not in anchors):
                dead.append((str(page.relative_to(built)), link))
    assert not dead


def test_links_to_other_hosts_are_listed(told: str, built: Path) -> None:
    links = {link for page in pages(built) for link in Links(page).links if urlsplit(link).netloc}
    lines = (built / "external-links.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if not line.startswith(" ")} == links
    assert "https://vale.sh" in links
    assert f"{len(links)} addresses on other hosts are linked" in told


def test_nothing_is_loaded_from_another_host(built: Path) -> None:
    for page in pages(built):
        text = page.read_text(encoding="utf-8")
        loaded = [link for link in Links(page).links if urlsplit(link).scheme in ("http", "https")]
        assert not [link for link in loaded if f'src="{link}"' in text], page
        assert '<link rel="stylesheet" href="http' not in text, page


def test_it_is_small_without_its_pictures(built: Path) -> None:
    files = [path for path in built.rglob("*") if path.is_file() and "_pictures" not in path.parts]
    assert sum(path.stat().st_size for path in files if path.suffix != ".png") < LARGEST


def test_a_failed_lesson_is_shown_as_failed_and_a_lesson_without_a_run_says_so(built: Path) -> None:
    failed = (built / "notebooks/02_failed.html").read_text(encoding="utf-8")
    assert "This run failed" in failed
    assert 'id="failed-cell"' in failed
    missing = (built / "notebooks/03_not_run.html").read_text(encoding="utf-8")
    assert "This page has no outputs" in missing
    assert '<span class="pre">run</span> <span class="pre">03</span>' in missing
    contents = (built / "notebooks/index.html").read_text(encoding="utf-8")
    assert "<strong>failed</strong>" in contents
    assert "not executed" in contents


def test_french_is_marked_as_french(built: Path) -> None:
    glossary = (built / "docs/glossary.html").read_text(encoding="utf-8")
    assert re.search(r'<td lang="fr">\s*<p>consommateur</p>', glossary)
    assert re.search(r'<th[^>]* lang="fr">\s*<p>français</p>', glossary)
    assert '<td lang="fr"><p>consumer</p>' not in glossary
    readme = (built / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<em lang="fr">Découvrir par l[’\']exemple', readme)
    assert re.search(r'«<span lang="fr"> <em>Attention, vous avez', readme)
    lesson = (built / "notebooks/01_well.html").read_text(encoding="utf-8")
    assert '<h2>2 · «<span lang="fr"> Le temps </span>»' in lesson
    assert '«<span lang="fr"> <em>Attention, vous</em> </span>»; no « end.' in lesson


def test_no_folder_of_this_machine_is_on_the_site(built: Path, at: Settings) -> None:
    for path in built.rglob("*"):
        if path.is_file() and path.suffix in (".html", ".js", ".txt"):
            assert str(at.root) not in path.read_text(encoding="utf-8"), path


def test_a_bundle_carries_the_site_which_opens_from_its_folder(
    tab: browser.Browser, built: Path, at: Settings, tmp_path: Path
) -> None:
    """The checkout of these tests is bundled, with an empty cache: so the site is the only large part."""
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    commit = [*author, "commit", "-qm", "Add documentation"]
    for words in (["init", "-q"], ["add", "docs"], commit):
        subprocess.run(["git", "-C", at.root, *words], check=True)
    stick = tmp_path / "USB stick"
    making._write(replace(at, cache=tmp_path / "cache"), stick, Timeline(), [])
    making.verify(str(stick), Timeline())
    files = [
        {path.relative_to(site): path.stat().st_size for path in site.rglob("*") if path.is_file()}
        for site in (built, stick / "site")
    ]
    assert files[0] == files[1]
    shutil.rmtree(at.root / ".git")
    tab.open((stick / "site/index.html").as_uri())
    assert not tab.errors
    tab.open(f"{(stick / 'site/search.html').as_uri()}?q=zebrafish")
    tab.wait_for("document.querySelector('ul.search li a')?.href.includes('01_well')", "the search on the stick")


def test_a_failed_build_leaves_the_old_site(built: Path, at: Settings) -> None:
    before = (built / "index.html").stat().st_mtime_ns
    broken = replace(at, root=at.root / "gone")
    (broken.root / "runs").mkdir(parents=True, exist_ok=True)
    with pytest.raises(WorkshopError):
        site.build(broken, {}, Timeline())
    shutil.rmtree(broken.root)
    lessons = {path: nbformat.read(path, as_version=4) for path in sorted((at.root / "solutions").glob("*.ipynb"))}
    page = at.root / "docs/start.md"
    text = page.read_bytes()
    page.write_bytes(b"\xff\xfe no text")
    try:
        with pytest.raises(WorkshopError) as caught:
            site.build(at, lessons, Timeline())
    finally:
        page.write_bytes(text)
    assert "unchanged" in caught.value.happened
    assert (built / "index.html").stat().st_mtime_ns == before
    assert not (at.root / "runs/.site-building").exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_readable_in_a_browser(tab: browser.Browser, built: Path, at: Settings, theme: str) -> None:
    """No error in the console, no request to a host, no horizontal scrolling, and no serious finding of axe-core."""
    axe = (site_environment.vendored(at) / "axe/axe.min.js").read_text(encoding="utf-8")
    findings = []
    tab.prefer(theme)
    for page in pages(built):
        name = str(page.relative_to(built))
        tab.resize(1024)
        tab.open(page.as_uri())
        findings += [(name, error) for error in tab.errors]
        findings += [(name, one) for one in tab.requested if not one.startswith(("file:", "data:", "blob:"))]
        for width in WIDTHS:
            tab.resize(width)
            if too_wide := tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"):
                findings.append((name, f"{too_wide} pixels too wide in a window of {width}"))
        tab.evaluate(f"{axe}; 0")
        findings += [(name, one) for one in json.loads(tab.evaluate(SERIOUS))]
    assert not findings


SERIOUS = """axe.run(document, { resultTypes: ["violations"] }).then((found) => JSON.stringify(
  found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200)).slice(0, 3).join(" | ")}`)))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_follows_the_readers_system(tab: browser.Browser, built: Path, theme: str) -> None:
    tab.prefer(theme)
    tab.open((built / "notebooks/01_well.html").as_uri())
    assert tab.evaluate("document.documentElement.dataset.theme") == theme
    inverted = tab.evaluate("getComputedStyle(document.querySelector('img.workshop-picture')).filter")
    assert ("invert" in inverted) == (theme == "dark")


SHOWN = "document.querySelector('.recording').closest('.output').querySelector('img.workshop-picture')"
PLAYS = f"{SHOWN}.src.includes('.webp') && {SHOWN}.complete && {SHOWN}.naturalWidth > 0"


def open_recording(tab: browser.Browser, built: Path, theme: str = "light", motion: str = "no-preference") -> None:
    tab.prefer(theme, motion)
    tab.resize(1024)
    tab.open((built / "notebooks/01_well.html").as_uri())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_recording_is_paused_until_a_reader_plays_it_and_ends_in_the_still(
    tab: browser.Browser, built: Path, at: Settings, theme: str
) -> None:
    open_recording(tab, built, theme)
    still = tab.evaluate(f"{SHOWN}.src")
    assert still.endswith(".png")
    assert not [one for one in tab.requested if ".webp" in one], "it is not even loaded"
    button = "document.querySelector('.recording button')"
    assert tab.evaluate(f"{button}.textContent") == "Play the recording: 10 seconds in 9"
    height = tab.evaluate(f"{SHOWN}.clientHeight")
    tab.evaluate(f"{button}.click()")
    tab.wait_for(PLAYS, "the recording")
    assert tab.evaluate(f"{button}.textContent") == "Show the still picture"
    assert abs(tab.evaluate(f"{SHOWN}.clientHeight") - height) <= 1, "the page does not jump"
    assert tab.evaluate(f"{SHOWN}.alt") == "the gap closes"
    assert ("invert" in tab.evaluate(f"getComputedStyle({SHOWN}).filter")) == (theme == "dark")
    tab.wait_for(f"{SHOWN}.src === '{still}'", "the end of the recording")
    assert tab.evaluate(f"{button}.textContent").startswith("Play")
    assert not tab.errors
    tab.evaluate(f"{button}.click()")
    tab.wait_for(PLAYS, "the recording")
    tab.evaluate(f"{(site_environment.vendored(at) / 'axe/axe.min.js').read_text(encoding='utf-8')}; 0")
    assert json.loads(tab.evaluate(SERIOUS)) == []


def test_the_keyboard_plays_and_stops_a_recording(tab: browser.Browser, built: Path) -> None:
    open_recording(tab, built)
    for _ in range(200):
        tab.press("Tab")
        if tab.evaluate("document.activeElement.matches('.recording button')"):
            break
    tab.press("Enter")
    tab.wait_for(PLAYS, "the recording")
    first = tab.evaluate(f"{SHOWN}.src")
    tab.press("Enter")
    assert tab.evaluate(f"{SHOWN}.src.endsWith('.png')")
    tab.press("Enter")
    tab.wait_for(PLAYS, "the recording again")
    assert tab.evaluate(f"{SHOWN}.src") != first, "from its beginning"
    tab.press("Enter")


def test_for_a_reader_who_prefers_less_motion_a_recording_is_a_link(tab: browser.Browser, built: Path) -> None:
    open_recording(tab, built, motion="reduce")
    assert tab.evaluate("document.querySelectorAll('.recording button').length") == 0
    assert tab.evaluate("document.querySelector('.recording a').textContent") == "Recording: 10 seconds in 9"
    tab.prefer("light")
    tab.wait_for("document.querySelectorAll('.recording button').length", "the button")


@pytest.mark.parametrize("term", TERMS)
def test_the_search_finds_a_term(tab: browser.Browser, built: Path, term: str) -> None:
    tab.open(f"{(built / 'search.html').as_uri()}?q={term.replace(' ', '+')}")
    tab.wait_for(
        "document.querySelector('.search-summary')?.textContent.match(/found|did not match/)", "the search to end"
    )
    found = tab.evaluate("[...document.querySelectorAll('ul.search li a')].map((one) => one.getAttribute('href'))")
    assert [one for one in found if one.startswith(TERMS[term])], found
    assert not tab.errors


def test_a_diagram_is_drawn(tab: browser.Browser, built: Path) -> None:
    tab.open((built / "docs/architecture.html").as_uri())
    name = "document.querySelector('pre.mermaid svg title')?.textContent"
    assert tab.wait_for(name, "the diagram").startswith("Diagram: ")


def test_the_keyboard_reaches_everything(tab: browser.Browser, built: Path) -> None:
    tab.resize(1600)
    tab.open((built / "notebooks/01_well.html").as_uri())
    reachable = """window.all = [...document.querySelectorAll("a[href], button, summary, input, [tabindex='0']")]
        .filter((one) => !one.closest("[inert], dialog:not([open])") && one.checkVisibility({ visibilityProperty: true })
          && one.tabIndex >= 0 && !one.disabled); window.seen = new Set(); window.all.length"""
    count = tab.evaluate(reachable)
    assert count > 10
    for _ in range(2 * count):
        tab.press("Tab")
        tab.evaluate("window.seen.add(document.activeElement); 0")
    missed = tab.evaluate("window.all.filter((one) => !window.seen.has(one)).map((one) => one.outerHTML.slice(0, 120))")
    assert not missed


def test_slides_advance_and_have_notes(tab: browser.Browser, built: Path) -> None:
    tab.open((built / "slides/01.html").as_uri())
    tab.wait_for("window.Reveal && Reveal.isReady()", "the slides")
    assert tab.evaluate("Reveal.getTotalSlides()") == 6
    tab.press("ArrowRight")
    assert tab.evaluate("Reveal.getCurrentSlide().querySelector('h2').textContent") == "1 · A picture"
    tab.press("ArrowRight")
    assert tab.evaluate("Reveal.getSlideNotes()").strip() == "<ul>\n<li>payments rise</li>\n</ul>"


def test_without_an_executed_lesson_the_command_says_what_to_run(at: Settings, tmp_path: Path) -> None:
    for name in ("infra", "solutions", "docs", "notebooks"):
        (tmp_path / name).symlink_to(at.root / name)
    with pytest.raises(WorkshopError) as caught:
        site.site(replace(at, root=tmp_path), argparse.Namespace(without_outputs=False, execute=False))
    assert "workshop run" in caught.value.next_step
