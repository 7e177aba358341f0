"""Safe display of text from a user's file on a terminal: no control characters, limited length."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST, MOST = 40, 30


def escaped(text: str, longest: int = LONGEST) -> str:
    """Return the first `longest` characters of a text, with unprintable ones escaped as \\x1b."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in cut)


def listed(names: Iterable[str]) -> str:
    """Return up to 30 names, separated by commas, and the number of the others; "none" for no names."""
    found = list(names)
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return (", ".join(map(escaped, found[:MOST])) or "none") + more
