"""Label and field selectors of queries to the Kubernetes API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Matcher = Callable[[Mapping[str, str]], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s=!(),]+)\s*$")
_COMMA = re.compile(r",(?![^(]*\))")  # not a comma inside parentheses


class BadSelector(ValueError):
    """The selector is invalid."""


def matcher(selector: str) -> Matcher:
    """Return a matcher of labels for a selector such as `app=payments,tier in (a, b),!old`.

    Raises:
        BadSelector: the selector is invalid.
    """
    wanted = [_requirement(part) for part in _COMMA.split(selector) if part.strip()]
    return lambda labels: all(one(labels) for one in wanted)


def field_matcher(selector: str, known: tuple[str, ...]) -> Matcher:
    """Return a matcher of fields for a selector such as `metadata.name=a`.

    Raises:
        BadSelector: the selector is invalid, or a field is not in `known`.
    """
    for part in selector.split(","):
        if part.strip() and not ((found := _EQUAL.match(part)) and found[1] in known):
            raise BadSelector(f"field selector not supported: {part.strip()}; known here: {', '.join(known)}")
    return matcher(selector)


def _requirement(part: str) -> Matcher:
    if found := _SET.match(part):
        name, values = found[1], {value.strip() for value in found[3].split(",")}
        if found[2] == "in":
            return lambda labels: labels.get(name) in values
        return lambda labels: labels.get(name) not in values
    if found := _EQUAL.match(part):
        name, value = found[1], found[3]
        if found[2] == "!=":
            return lambda labels: labels.get(name) != value
        return lambda labels: labels.get(name) == value
    if found := _EXISTS.match(part):
        name, wanted = found[2], not found[1]
        return lambda labels: (name in labels) == wanted
    raise BadSelector(f"unable to parse requirement: {part.strip()}")
