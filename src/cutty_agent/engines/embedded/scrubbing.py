"""Files without a trace of what was removed.

``secure_delete`` (see :mod:`.connection`) overwrites deleted rows and freed pages with zeros, so nearly all of it is gone
with the deletion itself. Not all: when SQLite spreads the rows of a page over others, it leaves old copies of them
in the unused part of pages, which nothing overwrites when the rows are deleted later, and the log keeps older versions
of whole pages. So all that is kept is written anew (``VACUUM``), and then the log is emptied.

Commits wait meanwhile, in proportion to what is kept. The files need room for a second copy of it.
"""

from __future__ import annotations

import sqlite3
from typing import Final

PATIENCE_MS: Final = 500
"""How long to wait for readers to let go of old pages, in milliseconds; twice, before and after."""

IN_MEMORY_BYTES: Final = 256 * 1024 * 1024
"""The copy of a larger database goes through a temporary file, of a smaller one through memory."""


def scrub(connection: sqlite3.Connection) -> bool:
    """Rewrite the database and empty its log, outside a transaction; false when a reader prevents it.

    Raises:
        sqlite3.Error: no room, or the database is locked by somebody else. Nothing that is kept was changed.
    """
    patience: int = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    try:
        if not _empty_log(connection):
            return False  # it would be in vain: what that reader sees has to stay
        if _size(connection) > IN_MEMORY_BYTES:
            connection.execute("PRAGMA temp_store = FILE")
        connection.execute("VACUUM")
        return _empty_log(connection)
    finally:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA busy_timeout = {patience}")


def _empty_log(connection: sqlite3.Connection) -> bool:
    """Fold the log into the database and cut it to nothing; false when it is still in use."""
    busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def _size(connection: sqlite3.Connection) -> int:
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    page_size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return pages * page_size
