"""The keys of the installation, and what is made of them for each session."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ...errors import ConfigError, StoreUnavailable
from ...ids import Address
from . import envelope

KEY_BYTES: Final = 32

KEPT_CIPHERS: Final = 4096
"""Sessions whose keys stay worked out in memory."""

SETTING: Final = "CUTTY_ENCRYPTION__KEYS"

_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{envelope.MAX_KEY_NAME}}}", re.ASCII)


class KeyMissing(StoreUnavailable):
    """Something is encrypted with a key that this program was not given. Nothing is lost or changed."""

    code = "store.key_missing"
    retry = False


class Cipher:
    """One key of the keyring, worked out for one session.

    Each session has an AES key of its own (HKDF-SHA-256 of the named key and the session's address). With random
    nonces one AES-GCM key should not encrypt more than 2**32 bodies; a busy installation would write as many chunks
    within months, a session never does.
    """

    __slots__ = ("_aes", "_context", "head")

    def __init__(self, name: str, key: bytes, address: Address) -> None:
        self._context = f"{address.agent}\0{address.session}\0".encode("utf-8", "surrogatepass")
        derived = HKDFExpand(hashes.SHA256(), KEY_BYTES, b"cutty-agent sealed 1\0" + self._context)
        self._aes = AESGCM(derived.derive(key))
        self.head = envelope.head(name)

    def seal(self, nonce: bytes, body: bytes, place: bytes) -> bytes:
        """The envelope of a body. ``place`` says what in the session it is; ``nonce`` must never come twice."""
        return self.head + nonce + self._aes.encrypt(nonce, body, self.head + self._context + place)

    def open(self, sealed: envelope.Envelope, place: bytes) -> bytes | None:
        """The body; ``None`` when it was sealed with another key, for another place, or was altered."""
        try:
            return self._aes.decrypt(sealed.nonce, sealed.text, sealed.head + self._context + place)
        except InvalidTag:
            return None


class Keyring:
    """Named keys: the first encrypts, all decrypt. Without any, bodies stay plain and sealed ones cannot be read."""

    def __init__(self, keys: Sequence[tuple[str, bytes]] = ()) -> None:
        self._keys = dict(keys)
        self.first: str | None = next(iter(self._keys), None)
        self._cipher = lru_cache(maxsize=KEPT_CIPHERS)(self._make)

    @classmethod
    def parse(cls, text: str | None) -> Keyring:
        """The keys of a setting: ``name:base64`` of 32 bytes, separated by spaces; none for ``None`` or blanks.

        Raises:
            ConfigError: says which entry is wrong and how, and shows nothing of a key.
        """
        keys: dict[str, bytes] = {}
        for number, entry in enumerate((text or "").split(), start=1):
            name, colon, encoded = entry.partition(":")
            if not colon:
                raise _wrong(f"Entry {number} has no colon between name and key")
            if not _NAME.fullmatch(name):
                raise _wrong(
                    f"The name of entry {number} is not 1 to {envelope.MAX_KEY_NAME} letters, digits or . _ -"
                )
            if name in keys:
                raise _wrong(f"The name {name} occurs twice")
            key = _decoded(encoded)
            if key is None:
                raise _wrong(f"The key {name} is not base64")
            if len(key) != KEY_BYTES:
                raise _wrong(f"The key {name} has {len(key)} bytes instead of {KEY_BYTES}")
            keys[name] = key
        return cls(tuple(keys.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all keys, the one that encrypts first."""
        return tuple(self._keys)

    def sealing(self, address: Address) -> Cipher | None:
        """What encrypts in this session; ``None`` when there are no keys."""
        return self._cipher(self.first, address) if self.first is not None else None

    def opening(self, name: str, address: Address) -> Cipher:
        """What decrypts in this session what the key of this name encrypted.

        Raises:
            KeyMissing: there is no such key.
        """
        if name not in self._keys:
            have = f"it has {', '.join(self._keys)}" if self._keys else "it has none"
            raise KeyMissing(
                f"Session {address} is encrypted with the key {name!r}, which this program was not given ({have}).",
                remedy=f"Add {name}:… to {SETTING}, after the key that is to encrypt.",
            )
        return self._cipher(name, address)

    def _make(self, name: str, address: Address) -> Cipher:
        return Cipher(name, self._keys[name], address)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"


def _decoded(text: str) -> bytes | None:
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _wrong(what: str) -> ConfigError:
    return ConfigError(
        f"The setting encryption.keys is not valid: {what}.",
        remedy=f"Give {SETTING} as name:base64 of {KEY_BYTES} bytes, separated by spaces. "
        "Make a key with: openssl rand -base64 32",
    )
