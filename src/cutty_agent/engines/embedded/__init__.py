"""One machine: SQLite in a data directory, nothing to install."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .readonly import ReadOnlyStore, open_readonly
    from .store import EmbeddedStore, open_store

__all__ = ["EmbeddedStore", "ReadOnlyStore", "open_readonly", "open_store"]

_HOME = {
    "EmbeddedStore": "store",
    "ReadOnlyStore": "readonly",
    "open_readonly": "readonly",
    "open_store": "store",
}


def __getattr__(name: str) -> object:
    # On demand, because the writing process needs neither and should be there at once.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
