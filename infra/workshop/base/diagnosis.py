"""Diagnosis of a log or of an error's text: a table of known texts, each with a fact and the next step.

A table is beside its subject. The first row whose pattern occurs in the text counts, so the last row matches every text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

DISK = r"no space left"
PORT_TAKEN = r"(address|port is) already (in use|allocated)"


@dataclass(frozen=True)
class Diagnosis:
    """A row of a table.

    Attributes:
        pattern: a regular expression; upper and lower case are the same, and `.` matches a line's end too.
        fact: what is wrong, as a sentence; empty if it is unknown.
        next_step: what to do next, as a sentence.
    """

    pattern: str
    fact: str
    next_step: str

    @property
    def advice(self) -> str:
        """The fact and the next step."""
        return f"{self.fact} {self.next_step}".strip()


# Texts in the log of any server that ended while it was started.
OF_SERVERS = (
    Diagnosis(
        PORT_TAKEN,
        "A port was taken by another program meanwhile.",
        "Run `workshop down`, then `workshop up`, which finds other ports.",
    ),
    Diagnosis(DISK, "The disk is full.", "Free some space, then run `workshop up`."),
)


def diagnose(text: str, table: Sequence[Diagnosis], **values: object) -> Diagnosis:
    """Return the first row whose pattern occurs in a text.

    Args:
        table: its last row matches every text.
        values: for the fields in the row's sentences, such as `{name}`.
    """
    found = next(row for row in table if re.search(row.pattern, text, re.IGNORECASE | re.DOTALL))
    return replace(found, fact=found.fact.format(**values), next_step=found.next_step.format(**values))
