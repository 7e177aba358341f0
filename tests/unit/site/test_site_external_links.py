"""The list of the links that lead to other hosts."""

from __future__ import annotations

from pathlib import Path

from website import external_links


def test_each_external_address_is_listed_once_with_its_pages(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="docs/a.html#x">in</a> <a href="https://kafka.apache.org/x?a=1&amp;b=2">K</a>'
        '<a href="https://kafka.apache.org/x?a=1&amp;b=2">again</a> <a href="mailto:a@b.c">m</a> <a>none</a>'
        '<link href="https://example.org/style.css"><img src="https://example.org/no-link.png">'
    )
    (tmp_path / "docs/a.html").write_text('<a href="//b.org">b</a> <a href="https://kafka.apache.org/x?a=1&b=2">K</a>')
    external_links.write(tmp_path)
    assert (tmp_path / external_links.FILE).read_text().splitlines() == [
        "//b.org",
        "  docs/a.html",
        "https://kafka.apache.org/x?a=1&b=2",
        "  docs/a.html",
        "  index.html",
    ]


def test_a_site_without_external_links_has_an_empty_list(tmp_path: Path):
    (tmp_path / "index.html").write_text('<a href="#top">top</a>')
    external_links.write(tmp_path)
    assert (tmp_path / external_links.FILE).read_text() == ""
