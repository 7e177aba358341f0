"""Links and diagrams of a page of the site."""

from __future__ import annotations

import pytest
from website import markdown

PAGES = {
    "index.md",
    "docs/start.md",
    "docs/glossary.md",
    "notebooks/03_replication.ipynb",
    "docs/pictures/failover.png",
}


@pytest.mark.parametrize(
    ("place", "link", "on_the_site"),
    [
        ("README.md", "[start](docs/start.md)", "[start](docs/start.md)"),
        ("docs/start.md", "[top](../README.md#start)", "[top](../index.md#start)"),
        ("docs/start.md", "[three](../solutions/03_replication.ipynb)", "[three](../notebooks/03_replication.ipynb)"),
        ("notebooks/03_replication.ipynb", "[words](../docs/glossary.md)", "[words](../docs/glossary.md)"),
        ("README.md", "![picture](docs/pictures/failover.png)", "![picture](docs/pictures/failover.png)"),
        ("README.md", "[here](#start)", "[here](#start)"),
        ("README.md", "[Vale](https://vale.sh)", "[Vale](https://vale.sh)"),
    ],
)
def test_a_link_leads_to_the_same_page_on_the_site(place: str, link: str, on_the_site: str):
    assert markdown.for_site(link, place, PAGES) == on_the_site


def test_a_file_that_is_not_on_the_site_is_named_without_a_link():
    assert markdown.for_site("[the list](../infra/images.toml).", "docs/start.md", PAGES) == (
        "the list (`infra/images.toml`)."
    )
    assert markdown.for_site("[`bank.py`](../infra/bank.py)", "docs/start.md", PAGES) == "`bank.py`"


def test_code_stays_as_it_is():
    text = "[a](gone.md)\n\n```sh\necho [a](gone.md)\n```\n\n[a](gone.md)\n"
    assert markdown.for_site(text, "README.md", PAGES) == (
        "a (`gone.md`)\n\n```sh\necho [a](gone.md)\n```\n\na (`gone.md`)\n"
    )


def test_a_diagram_is_html_with_the_heading_as_its_name():
    text = '# Page\n\n## Parts\n\n```mermaid\nflowchart LR\n  a["<b>"] --> b\n```\n'
    drawn = markdown.for_site(text, "README.md", PAGES)
    assert "accTitle: Diagram: Parts" in drawn
    assert "a[&quot;&lt;b&gt;&quot;] --&gt; b" in drawn
    assert "```{raw} html" in drawn
