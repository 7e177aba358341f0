"""Text of a user's file as it may be shown on a terminal: no control characters, and not too long."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST, MOST = 40, 30


def escaped(text: str, longest: int = LONGEST) -> str:
    """Return the text with what cannot be printed written as \\x1b, cut after so many characters."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in cut)


def listed(names: Iterable[str]) -> str:
    """Return names with commas between them; "none" if there are none."""
    found = list(names)
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return (", ".join(map(escaped, found[:MOST])) or "none") + more
