"""Encryption at rest: a store around another store, its keys, and their rotation."""

from .keyring import KeyMissing, Keyring
from .rotation import Resealed, reseal
from .store import SealedStore

__all__ = ["KeyMissing", "Keyring", "Resealed", "SealedStore", "reseal"]
