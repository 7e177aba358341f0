"""Texts that kind keeps as constants in Go: manifests and names of images that a node image carries."""

from __future__ import annotations

import re
from pathlib import Path

from workshop.stack.toolchain.shell import BuildFailed

TERM = r"`[^`]*`|\"(?:[^\"\\\n]|\\.)*\"|[A-Za-z_]\w*"
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def constant(file: Path, name: str) -> str:
    """The value of a string constant of a Go file: texts, and names of other constants, joined by `+`.

    Raises:
        BuildFailed: the file has no such constant.
    """
    return _value(file.read_text(), name, file)


def _value(source: str, name: str, file: Path) -> str:
    pattern = rf"^(?:const\s+|\t){re.escape(name)}(?:\s+string)?\s*=\s*((?:{TERM})(?:\s*\+\s*(?:{TERM}))*)"
    if not (found := re.search(pattern, source, re.MULTILINE)):
        raise BuildFailed(f"{file} has no string constant {name}")
    return "".join(_text(source, term, file) for term in re.findall(TERM, found[1]))


def _text(source: str, term: str, file: Path) -> str:
    if term[0] == "`":
        return term[1:-1]
    if term[0] == '"':
        return re.sub(r"\\(.)", lambda escape: ESCAPES.get(escape[1], escape[0]), term[1:-1])
    return _value(source, term, file)
