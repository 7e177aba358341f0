"""Changes of Markdown text for the site: links between pages, and diagrams."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Collection
from html import escape

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1[^\S\n]*$", re.DOTALL | re.MULTILINE)
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```[^\S\n]*$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def for_site(text: str, place: str, pages: Collection[str]) -> str:
    """Return the text of a page with links to other pages of the site, and with its diagrams as HTML.

    Args:
        place: the path of the page in the checkout, such as `docs/start.md`.
        pages: the paths of all pages and pictures of the site.
    """
    return outside_code(with_diagrams(text), lambda part: _with_links(part, place, pages))


def place_on_site(path: str) -> str:
    """Return where a file of the checkout is on the site: the README is the first page, solutions are the lessons."""
    if path == "README.md":
        return "index.md"
    folder, name = posixpath.split(path)
    return f"notebooks/{name}" if folder == "solutions" else path


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to the text between the fenced blocks."""
    parts, end = [], 0
    for block in FENCE.finditer(text):
        parts += [change(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(text[end:])])


def with_diagrams(text: str) -> str:
    """Replace Mermaid blocks by HTML that `site.js` draws; its name for screen readers is the heading above it."""

    def diagram(block: re.Match[str]) -> str:
        headings = HEADING.findall(text[: block.start()])
        first, _, rest = block[1].partition("\n")
        source = f"{first}\naccTitle: Diagram: {headings[-1] if headings else 'overview'}\n{rest}"
        return f'```{{raw}} html\n<pre class="mermaid">{escape(source)}</pre>\n```'

    return DIAGRAM.sub(diagram, text)


def _with_links(text: str, place: str, pages: Collection[str]) -> str:
    folder = posixpath.dirname(place_on_site(place))

    def link(found: re.Match[str]) -> str:
        sign, label, target = found.groups()
        path, mark, anchor = target.partition("#")
        if ELSEWHERE.match(target) or not path:
            return found[0]
        there = place_on_site(posixpath.normpath(posixpath.join(posixpath.dirname(place), path)))
        if there in pages:
            return f"{sign}[{label}]({os.path.relpath(there, folder or '.')}{mark}{anchor})"
        # A file of the project that is not on the site: its name stays, and leads nowhere.
        return label if sign or "`" in label else f"{label} (`{there}`)"

    return LINK.sub(link, text)
