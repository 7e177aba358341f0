"""The list of all links of the site that lead to other hosts. The build needs no network, so it does not follow them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

FILE = "external-links.txt"


class Links(HTMLParser):
    """The targets of a page's links.

    Attributes:
        targets: the values of `href`, in their order.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Keep the target of a link."""
        if tag == "a":
            self.targets += [value for name, value in attributes if name == "href" and value]


def find(site: Path) -> dict[str, list[str]]:
    """Return the external addresses of a built site in order, and for each the pages that link to it."""
    found: dict[str, list[str]] = {}
    for page in sorted(site.rglob("*.html")):
        name = page.relative_to(site).as_posix()
        for target in dict.fromkeys(Links(page.read_text(encoding="utf-8")).targets):
            if urlsplit(target).netloc:
                found.setdefault(target, []).append(name)
    return dict(sorted(found.items()))


def write(site: Path) -> None:
    """Write the list into the site: an address on each line, and below it the pages, indented."""
    lines = [line for address, pages in find(site).items() for line in (address, *(f"  {page}" for page in pages))]
    (site / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
