"""Crypto-shredding: personal data are encrypted with a key per person; deleting the key erases them.

AES-256 in GCM mode, from the library `cryptography`. The event stays in the log, complete and in its place, but its personal
fields become unreadable. It does not help if the key, or the decrypted data, were copied elsewhere.
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
    """There is no key for the person: the encrypted data cannot be read any more."""


class Unreadable(ValueError):
    """The data were encrypted with another key, belong to another event, or were changed."""


class KeyRing:
    """One key per person, stored apart from the log."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}
        self._forgotten: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def lock(self, person: str, about: str, fields: Mapping[str, str]) -> str:
        """Encrypt personal fields for one event; the first time, the person gets a key.

        Args:
            about: the context of the fields, such as the event's id: with another one they cannot be decrypted.

        Raises:
            Forgotten: the person's key was deleted; the person does not get a new one.
        """
        if person in self._forgotten:
            raise Forgotten(f"{person} was forgotten")
        key = self._keys.setdefault(person, AESGCM.generate_key(bit_length=256))
        nonce = secrets.token_bytes(NONCE)
        locked = AESGCM(key).encrypt(nonce, json.dumps(dict(fields)).encode(), about.encode())
        return base64.b64encode(nonce + locked).decode()

    def unlock(self, person: str, about: str, locked: str) -> dict[str, str]:
        """Decrypt the fields of one event.

        Raises:
            Forgotten: there is no key for the person.
            Unreadable: the data were not encrypted for this person and this event.
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
