"""Connections to the database, and what their failures mean."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ...errors import BadRequest, CuttyError, StoreCorrupt, StoreUnavailable

_AUTOCHECKPOINT_PAGES = 4000
"""Pages in the log (16 MiB) before it is folded into the database: rarer folding costs less in all."""

_LOG_KEPT_BYTES = 64 * 1024 * 1024
"""A log that grew beyond this is cut back when it is reused."""


def connect_writer(path: Path, *, busy_timeout_s: float) -> sqlite3.Connection:
    """The one connection that writes, making the database if there is none. Not bound to a thread."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=rwc", busy_timeout_s)
    try:
        # Only effective before the first table: freed pages can then be given back piece by piece.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_AUTOCHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT_BYTES}")
        # Deleted rows and freed pages become zeros at once. Costs a fifth more bytes in the log (dropped chunks), and
        # processor time that drowns in the noise. Not the whole story: see scrubbing.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path, *, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection that cannot write. Not bound to a thread."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=ro", busy_timeout_s)
    connection.execute("PRAGMA cache_size = -8192")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _connect(uri: str, busy_timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,  # transactions are begun and ended by us alone
        check_same_thread=False,
        cached_statements=512,  # every size of every statement stays prepared
    )
    # A read error of a mapped page is a signal that ends the process; without mapping it is an exception.
    connection.execute("PRAGMA mmap_size = 0")
    return connection


def refuse_damaged(connection: sqlite3.Connection) -> None:
    """The quick integrity check of the start; time grows with the size of the database.

    Raises:
        StoreCorrupt: the file is damaged or not a database.
    """
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.DatabaseError as error:
        raise as_store_error(error) from error
    if found != ["ok"]:
        raise _corrupt("; ".join(found))


def as_store_error(error: Exception) -> CuttyError:
    """What to tell the caller of an operation that failed with ``error`` and was rolled back."""
    match error:
        case CuttyError():
            return error
        case sqlite3.OperationalError():
            return StoreUnavailable(
                f"The database could not do it: {error}. Nothing was changed.",
                remedy="Look at the free space and the health of the disk, then try again.",
            )
        case (
            sqlite3.DataError()
            | sqlite3.InterfaceError()
            | sqlite3.ProgrammingError()
            | sqlite3.IntegrityError()
        ):
            return _unstorable(error)
        case TypeError() | ValueError() | OverflowError():
            return _unstorable(error)
        case sqlite3.DatabaseError():
            return _corrupt(str(error))
    return StoreUnavailable(
        f"The store failed: {type(error).__name__}: {error}. Nothing was changed.", remedy="Try again."
    )


def _corrupt(what: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"The database is damaged: {what}.",
        remedy="Restore a backup, or save what can be read with sqlite3's .recover command.",
    )


def _unstorable(error: Exception) -> BadRequest:
    return BadRequest(
        f"A value cannot be stored: {error}. Nothing was changed.",
        remedy="Store text without lone surrogates, chunks without newlines, and bytes below 1 GB.",
    )
