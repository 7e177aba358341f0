"""Links, anchors and the list of variables in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST_README = 120  # lines
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
VARIABLE = re.compile(r"WORKSHOP_[A-Z]+(?:_[A-Z]+)*")
NAMED_PAGE = re.compile(r"\bdocs/[a-z0-9/-]+\.md\b")


def prose(page: Path) -> str:
    """Return a page without code blocks and comments."""
    return re.sub(r"```.*?```|<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them from the headings."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        again = sum(1 for name in found if re.fullmatch(re.escape(slug) + r"(-\d+)?", name))
        found.add(f"{slug}-{again}" if again else slug)
    return found


def sources(*patterns: str) -> Iterator[str]:
    """Return the text of source files."""
    for pattern in patterns:
        yield from (path.read_text(encoding="utf-8") for path in ROOT.glob(pattern) if path.is_file())


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_relative_link_leads_somewhere(page: Path):
    dead = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


def test_the_glossary_defines_a_term_once_and_translates_it_in_one_way():
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+ \|$", prose(ROOT / "docs/glossary.md"), re.MULTILINE)
    terms = [english for english, _ in rows if english != "English"]
    assert len(terms) > 150
    assert [term for term in set(terms) if terms.count(term) > 1] == []
    french: dict[str, set[str]] = {}
    for english, translation in rows:
        pairs = english.split(", "), translation.split(", ")
        if len(pairs[0]) == len(pairs[1]):
            for one, other in zip(*pairs, strict=True):
                french.setdefault(one, set()).add(other)
    assert {one: others for one, others in french.items() if len(others) > 1 and one != "English"} == {}


def test_every_page_is_on_the_map():
    index = prose(ROOT / "docs/index.md")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert not {name for name in pages if f"({name})" not in index}
    decisions = prose(ROOT / "docs/adr/index.md")
    assert not {path.name for path in (ROOT / "docs/adr").glob("0*.md") if f"({path.name})" not in decisions}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_every_variable_is_on_the_configuration_page_and_exists():
    read = set(VARIABLE.findall("".join(sources("infra/**/*.py", "infra/**/*.sh", "binder/*"))))
    written = set(VARIABLE.findall(prose(ROOT / "docs/configuration.md")))
    assert not read - written, "not on docs/configuration.md"
    assert not written - read, "on docs/configuration.md only"


def test_every_page_that_the_code_names_exists():
    named = set(NAMED_PAGE.findall("".join(sources("infra/**/*.py", "tests/**/*.py"))))
    assert not {page for page in named if not (ROOT / page).exists()}
