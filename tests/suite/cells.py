"""The names in a notebook's cell of code."""

from __future__ import annotations

import symtable
from collections.abc import Iterator

from IPython.core.inputtransformer2 import TransformerManager


def names(source: str) -> tuple[set[str], set[str]]:
    """Return the notebook's names that a cell defines, and those that it uses (also within functions)."""
    cell = symtable.symtable(TransformerManager().transform_cell(source), "cell", "exec")
    own = cell.get_symbols()
    defined = {one.get_name() for one in own if one.is_assigned() or one.is_imported() or one.is_namespace()}
    used = {one.get_name() for one in own if one.is_referenced()}
    within = {one.get_name() for table in _nested(cell) for one in table.get_symbols() if one.is_global()}
    return defined, used | within


def _nested(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _nested(child)
