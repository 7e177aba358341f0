"""Configuration of Sphinx for the site. `website.stage` writes the pages beside a copy of this file."""

from __future__ import annotations

from typing import Any

from website import french

project = "Kafka and Kubernetes workshop"
author = copyright = ""
language = "en"
extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["_static", "_pictures"]
suppress_warnings = ["misc.highlighting_failure"]  # lines for the shell in cells of Python

nb_execution_mode = "off"  # the lessons were executed by `workshop run`, on a real stack
nb_merge_streams = False  # it would move text in front of a picture; `website.notebooks` joins neighbours
nb_mime_priority_overrides = [
    ("html", "text/html", 0),
    ("html", "image/svg+xml", 1),
    ("html", "text/markdown", 2),
    ("html", "text/plain", 3),
]
myst_heading_anchors = 4
myst_enable_extensions: list[str] = []

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js", "recordings.js"]
html_extra_path = ["_extra"]  # the lessons' pictures
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_last_updated_fmt = None
html_context = {"default_mode": "auto"}  # without it, the theme reports an error at a reader's first visit
html_theme_options = {
    "logo": {"text": "Kafka by doing"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button-field"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "show_toc_level": 2,
    "search_bar_text": "Search the lessons and the documentation",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_selector = "div.highlight:not(.cell_output *) pre"
copybutton_exclude = ".linenos, .gp, .go"


def _scripts(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Load the program that draws diagrams on the pages that have one."""
    if 'class="mermaid"' in context.get("body", ""):
        app.add_js_file("mermaid.tiny.js")


def setup(app: Any) -> None:
    """Register the hooks."""
    app.connect("html-page-context", _scripts)
    app.connect("doctree-read", french.mark)
