"""Crypto-shredding: what is personal is encrypted with a key of that person's own; who deletes the key, forgets the person.

AES-256 in GCM mode, by the library `cryptography`. The event stays in the log, whole and in its place; nobody can read
any more whom it was about. It does not help where the key, or what was decrypted with it, was copied elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12  # bytes, never used twice with one key


class Forgotten(LookupError):
    """There is no key any more: what it locked cannot be read by anybody."""


class Unreadable(ValueError):
    """It was locked with another key, belongs to another event, or was changed."""


class KeyRing:
    """A key for each person, kept apart from the log."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}
        self._forgotten: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def lock(self, person: str, about: str, fields: Mapping[str, str]) -> str:
        """Encrypt personal fields for one event; the first time, the person gets a key.

        Args:
            about: what the fields belong to, such as the event's id: elsewhere they cannot be opened.

        Raises:
            Forgotten: the person was forgotten: no new key undoes that.
        """
        if person in self._forgotten:
            raise Forgotten(f"{person} was forgotten")
        key = self._keys.setdefault(person, AESGCM.generate_key(bit_length=256))
        nonce = secrets.token_bytes(NONCE)
        locked = AESGCM(key).encrypt(nonce, json.dumps(dict(fields)).encode(), about.encode())
        return base64.b64encode(nonce + locked).decode()

    def unlock(self, person: str, about: str, locked: str) -> dict[str, str]:
        """Read what was locked.

        Raises:
            Forgotten: the key is gone.
            Unreadable: it is not what was locked for this person and this event.
        """
        if person not in self._keys:
            raise Forgotten(f"there is no key for {person}")
        try:
            data = base64.b64decode(locked, validate=True)
            return json.loads(AESGCM(self._keys[person]).decrypt(data[:NONCE], data[NONCE:], about.encode()))
        except (InvalidTag, binascii.Error, ValueError):
            raise Unreadable("it was locked with another key, belongs to another event, or was changed") from None

    def forget(self, person: str) -> None:
        """Delete a person's key; that cannot be undone."""
        self._keys.pop(person, None)
        self._forgotten.add(person)
