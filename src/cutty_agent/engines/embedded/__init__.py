"""One machine: SQLite in a data directory, nothing to install."""

from .readonly import ReadOnlyStore, open_readonly
from .store import EmbeddedStore, open_store

__all__ = ["EmbeddedStore", "ReadOnlyStore", "open_readonly", "open_store"]
