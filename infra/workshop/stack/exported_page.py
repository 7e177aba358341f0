"""Sanitizing of the HTML pages that JupyterLab exports: scripts are removed, headings, pictures and folds stay.

JupyterLab's export dialog asks for a sanitized page by default. nbconvert 7.17 then allows hardly any tag: it prints headings
and pictures as escaped text. This module is configured as nbconvert's filter `clean_html`, see `workshop.stack.lab`.
"""

from __future__ import annotations

import re

import bleach
from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES, CSSSanitizer

FILTER = f"{__name__}.clean_html"
TAGS = bleach.ALLOWED_TAGS | {
    *(
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "br",
        "hr",
        "div",
        "span",
        "pre",
        "small",
        "sub",
        "sup",
        "kbd",
        "s",
        "ins",
        "del",
    ),
    *("table", "thead", "tbody", "tfoot", "caption", "tr", "th", "td", "dl", "dt", "dd"),
    *("img", "figure", "figcaption", "details", "summary"),
}
ATTRIBUTES = {
    **bleach.ALLOWED_ATTRIBUTES,
    "*": ["class", "id", "style", "title", "aria-hidden"],
    "img": ["alt", "src", "width", "height"],
    "details": ["open"],
    "td": ["align", "colspan", "rowspan"],
    "th": ["align", "colspan", "rowspan", "scope"],
}
MORE_STYLES = {
    *(
        "border",
        "border-left",
        "border-spacing",
        "box-sizing",
        "filter",
        "margin",
        "max-height",
        "max-width",
        "min-width",
    ),
    *("opacity", "padding", "padding-left"),
}
PROTOCOLS = bleach.ALLOWED_PROTOCOLS | {"data"}  # of embedded pictures
# The content of these elements is no text for the page; the cleaner would leave it there.
UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)


def clean_html(page: str | bytes) -> str:
    """Return HTML without scripts, event handlers, forms, and addresses of other protocols.

    Links to `data:` pages are removed too; browsers show them as pages of their own.
    """
    text = page.decode() if isinstance(page, bytes) else str(page)
    return bleach.clean(
        UNSEEN.sub("", text),
        tags=TAGS,
        attributes=_allowed,
        protocols=PROTOCOLS,
        css_sanitizer=CSSSanitizer(allowed_css_properties=ALLOWED_CSS_PROPERTIES | MORE_STYLES),
        strip=True,
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    """Return whether an attribute may stay; embedded data are allowed in pictures only."""
    if value.strip().lower().startswith("data:") and (tag, name) != ("img", "src"):
        return False
    return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, [])
