"""Pseudonyms: stable replacements of names, which only the holder of the key can trace back.

A keyed hash (HMAC-SHA-256). Without the key it cannot be reproduced; a plain hash could, by trying every name of a
telephone book. The key is stored apart from the log. Personal data under a pseudonym remain personal data (GDPR, recital 26).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

SHORTEST_KEY = 16  # bytes
LENGTH = 16  # hex digits: 64 bits; the probability of a collision among a million names is 3 in 100 million


def new_key() -> bytes:
    """Return a random key of 32 bytes."""
    return secrets.token_bytes(32)


def pseudonym(key: bytes, name: str) -> str:
    """Return the name under which a person appears in the log.

    Raises:
        ValueError: the key is too short: it could be guessed.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a key has at least {SHORTEST_KEY} bytes, this one {len(key)}")
    return f"p-{hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:LENGTH]}"
