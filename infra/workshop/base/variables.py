"""Reader of environment variables: each value is checked, and an invalid one is reported by its name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workshop.base.errors import WorkshopError


class InvalidVariable(WorkshopError):
    """An environment variable is missing or has an invalid value; the message names it and the valid values."""


@dataclass(frozen=True)
class Form:
    """The form of a text: a pattern, and its description after "It takes"."""

    pattern: re.Pattern[str]
    meant: str


@dataclass(frozen=True)
class Variables:
    """The variables of an environment. An empty variable counts as not set."""

    env: Mapping[str, str]

    def given(self, name: str) -> str:
        """Return the value as it is, or an empty string."""
        return self.env.get(name, "")

    def text(self, name: str, default: str, form: Form) -> str:
        """Return a text of the given form; the default is returned as it is.

        Raises:
            InvalidVariable: the value has another form.
        """
        value = self.given(name)
        if not value:
            return default
        if not form.pattern.fullmatch(value):
            raise InvalidVariable(f"{name} is '{value}'.", f"It takes {form.meant}.")
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """Return one of the allowed values; the first one is the default.

        Raises:
            InvalidVariable: the value is another one.
        """
        value = self.given(name) or allowed[0]
        if value not in allowed:
            raise InvalidVariable(
                f"{name} is '{value}', which is not known.", f"It takes one of: {', '.join(allowed)}."
            )
        return value

    def switch(self, name: str) -> bool:
        """Return whether a switch with the values `on` (the default) and `off` is on."""
        return self.choice(name, ("on", "off")) == "on"

    def flag(self, name: str) -> bool:
        """Return whether a variable is set to anything but 0."""
        return self.given(name) not in ("", "0")

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number.

        Raises:
            InvalidVariable: the value is none, or it is out of bounds.
        """
        text = self.given(name) or str(default)
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise InvalidVariable(f"{name} is '{text}'.", f"It takes a whole number from {least} to {most}.")
        return int(text)

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Return a number.

        Raises:
            InvalidVariable: the value is none, or it is out of bounds.
        """
        text = self.given(name) or f"{default:g}"
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise InvalidVariable(f"{name} is '{text}'.", f"It takes a number from {least:g} to {most:g}.")
        return value

    def milliseconds(self, name: str, default: float, least: float, most: float) -> float:
        """Return a duration in seconds; variable, default and bounds are in milliseconds."""
        return self.number(name, default, least, most) / 1000

    def addresses(self, name: str, address: re.Pattern[str], example: str) -> tuple[str, ...]:
        """Return addresses that are separated by commas.

        Args:
            address: host and port, as the second group.

        Raises:
            InvalidVariable: a part is no address.
        """
        text = self.given(name)
        found = tuple(part.strip() for part in text.split(",") if part.strip())
        good = [match for part in found if (match := address.fullmatch(part)) and 0 < int(match[2]) < 65536]
        if len(good) != len(found) or (text and not found):
            raise InvalidVariable(f"{name} is '{text}'.", f"It takes addresses such as {example}, with commas.")
        return found
