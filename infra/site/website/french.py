"""French text on the pages, marked as French, so that a screen reader pronounces it as French.

Docutils turns a class such as `language-fr` into the attribute `lang`.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

FRENCH = "language-fr"
COLUMN = "français"  # the heading of a column of French terms
TALK = "Découvrir par l'exemple"  # the beginning of the talk's title
QUOTES = re.compile(r"([«»])")


def mark(app: Any, document: nodes.document) -> None:
    """Mark the French text of a page: quotes in guillemets, the talk's title, and columns of French terms."""
    for table in document.findall(nodes.table):
        for entry in _column(table):
            entry["classes"].append(FRENCH)
    for emphasis in document.findall(nodes.emphasis):
        if _plain(emphasis).startswith(TALK):
            emphasis["classes"].append(FRENCH)
    for text in list(document.findall(nodes.TextElement)):
        if "«" in text.astext() and not isinstance(text, nodes.FixedTextElement | nodes.literal):
            _mark_quotes(text)


def _column(table: nodes.table) -> list[nodes.entry]:
    """Return the cells of French terms of a table, with the heading."""
    rows = [[cell for cell in row.children if isinstance(cell, nodes.entry)] for row in table.findall(nodes.row)]
    if not rows or COLUMN not in (names := [cell.astext() for cell in rows[0]]):
        return []
    at = names.index(COLUMN)
    return [row[at] for row in rows if len(row) > at]


def _plain(node: nodes.Node) -> str:
    return " ".join(node.astext().replace("’", "'").split())


def _mark_quotes(element: nodes.TextElement) -> None:
    """Put what stands between guillemets among an element's children into an element of its own."""
    done: list[nodes.Node] = []
    quote: nodes.inline | None = None
    for child in list(element.children):
        for part in _parts(child):
            if part == "«" and quote is None:
                quote = nodes.inline(classes=[FRENCH])
                done += [nodes.Text("«"), quote]
            elif part == "»" and quote is not None:
                quote = None
                done.append(nodes.Text("»"))
            else:
                node = nodes.Text(part) if isinstance(part, str) else part
                done.append(node) if quote is None else quote.append(node)
    if quote is not None:  # it does not end here
        done[-1:] = quote.children
    if any(isinstance(node, nodes.inline) and FRENCH in node["classes"] for node in done):
        element.children = []
        element.extend(done)


def _parts(child: nodes.Node) -> list[str | nodes.Node]:
    """Return a text in pieces, the guillemets apart; any other node as it is."""
    if not isinstance(child, nodes.Text):
        return [child]
    return [part for part in QUOTES.split(child.astext()) if part]
