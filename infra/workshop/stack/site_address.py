"""Place of the built site, which `workshop site` writes and the bundle carries."""

from __future__ import annotations

from pathlib import Path


def folder(root: Path) -> Path:
    """Return the folder of the site of a checkout; it may not exist."""
    return root / "runs" / "site"


def first_page(root: Path) -> Path:
    """Return the path of the site's first page; it may not exist."""
    return folder(root) / "index.html"
