"""Preparation of standard streams that may be closed, full, or unable to encode a character."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from contextlib import suppress

PLAIN = "workshop-plain"  # the name of the error handler for characters that an encoding lacks
SIGNS = {
    "✓": "+",
    "✗": "x",
    "→": "->",
    "…": "...",
    "●": "*",
    "○": "o",
    "‖": "=",
    "━": "-",
    "—": "-",
    "−": "-",
    "×": "x",
}
QUOTES = {"«": '"', "»": '"', "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ", "€": "EUR"}


def prepare() -> None:
    """Open closed streams, and let every character be written in some form."""
    _open_closed()
    codecs.register_error(PLAIN, _plain)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors=PLAIN)  # type: ignore[union-attr]  # TextIO does not promise it; Python's streams have it


def flush() -> None:
    """Write buffered output.

    Raises:
        OSError: the reader has closed the pipe (BrokenPipeError), or the disk is full.
    """
    sys.stdout.flush()
    sys.stderr.flush()


def silence(*streams: int) -> None:
    """Discard all further output to these descriptors, such as Python's messages at its exit."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in streams:
            os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _open_closed() -> None:
    """Open closed descriptors from 0 to 2.

    Otherwise the next opened file would get such a descriptor, and prints would end up in the file.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "r" if name == "stdin" else "w", closefd=False))  # noqa: SIM115


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Replace the first character that an encoding lacks: é by e, → by ->, others by a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign = error.object[error.start]
    plain = SIGNS.get(sign) or QUOTES.get(sign) or unicodedata.normalize("NFKD", sign)[0]
    return (plain if plain.isascii() else "?"), error.start + 1
