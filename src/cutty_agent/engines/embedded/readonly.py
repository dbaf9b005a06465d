"""A look into the data directory from outside, also while a server runs on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType

from ...errors import NotFound, StoreError, StoreUnavailable
from ...ids import Address
from ...ports.analytics import By, Period, Step, Totals, UsagePage
from ...ports.listing import Listing, SessionPage
from ...ports.store import AuditRow, SessionRow, Snapshot, Spent, StoredTranscript, StoredTurn
from ...wire.card import Card
from . import books, browsing, listings, queries, rollups, usage
from .connection import as_store_error, connect_reader
from .directory import database_path
from .migrations import VERSION, refuse_newer, version_of
from .reader import guarded


class ReadOnlyStore:
    """Reads for command-line tools. Calls block and are for one thread; each sees the latest commits.

    It takes no lock of the directory and never writes to the database. Use it as a context manager, or close it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def sessions(
        self,
        *,
        agent: str | None = None,
        owner: str | None = None,
        idle_since_ms: int | None = None,
        parked: bool = False,
        after: Address | None = None,
        limit: int = 100,
    ) -> list[SessionRow]:
        """As ``SessionStore.sessions``."""
        return guarded(
            listings.sessions,
            self._connection,
            agent=agent,
            owner=owner,
            idle_since_ms=idle_since_ms,
            parked=parked,
            after=after,
            limit=limit,
        )

    def session(self, address: Address) -> Snapshot | None:
        """All that is kept of a session but its chunks, without claiming it; ``None`` when it does not exist."""
        return guarded(queries.session, self._connection, address)

    def card(self, address: Address) -> Card | None:
        """As ``SessionStore.card``."""
        return guarded(queries.card, self._connection, address)

    def messages(self, address: Address) -> StoredTranscript | None:
        """As ``SessionStore.messages``."""
        return guarded(queries.messages, self._connection, address)

    def state(self, address: Address) -> bytes | None:
        """As ``SessionStore.state``."""
        return guarded(queries.state, self._connection, address)

    def turns(self, address: Address) -> list[StoredTurn]:
        """The turn records, in the order of first insertion; empty when the session does not exist."""
        return guarded(queries.turns, self._connection, address)

    def chunks(self, address: Address, turn: str) -> list[bytes]:
        """As ``SessionStore.chunks``."""
        return guarded(queries.chunks, self._connection, address, turn)

    def audit(
        self,
        *,
        before: int | None = None,
        action: str | None = None,
        actor: str | None = None,
        address: Address | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        """As ``SessionStore.audit``."""
        return guarded(books.page, self._connection, before, action, actor, address, limit, from_ms, to_ms)

    def spent(self, *, day_ms: int, owner: str | None = None) -> Spent:
        """As ``SessionStore.spent``."""
        return guarded(usage.spent, self._connection, day_ms, owner)

    def periods(self, *, step: Step, from_ms: int, to_ms: int, agent: str | None = None) -> list[Period]:
        """As ``Analytics.periods``."""
        return guarded(
            rollups.periods, self._connection, step=step, from_ms=from_ms, to_ms=to_ms, agent=agent
        )

    def usage(
        self,
        *,
        by: By,
        from_ms: int,
        to_ms: int,
        agent: str | None = None,
        owner: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> UsagePage:
        """As ``Analytics.usage``."""
        return guarded(
            rollups.usage,
            self._connection,
            by=by,
            from_ms=from_ms,
            to_ms=to_ms,
            agent=agent,
            owner=owner,
            after=after,
            limit=limit,
        )

    def totals(self) -> Totals:
        """As ``Analytics.totals``."""
        return guarded(rollups.totals, self._connection)

    def browse(self, listing: Listing) -> SessionPage:
        """As ``Analytics.browse``."""
        return guarded(browsing.browse, self._connection, listing)

    def check(self) -> list[str]:
        """As ``SessionStore.check``."""
        return guarded(listings.problems, self._connection)

    def close(self) -> None:
        """Idempotent."""
        self._connection.close()

    def __enter__(self) -> ReadOnlyStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_readonly(directory: Path, *, busy_timeout_s: float = 5.0) -> ReadOnlyStore:
    """Open the store of ``directory`` for reading, whether or not a server runs on it.

    Raises:
        NotFound: there is no store in this directory.
        StoreCorrupt: not a database, or its schema is newer than this program.
        StoreUnavailable: the file cannot be opened, or its schema is older.
    """
    path = database_path(directory)
    if not path.is_file():
        raise NotFound(
            f"There is no session store in {directory}.",
            remedy="Give the data directory that the server uses.",
        )
    connection: sqlite3.Connection | None = None
    try:
        connection = connect_reader(path, busy_timeout_s=busy_timeout_s)
        version = version_of(connection)
        refuse_newer(version)
        if version < VERSION:
            raise StoreUnavailable(
                f"The database has schema version {version}; this program reads version {VERSION}.",
                remedy="Start the server once: it brings the schema up to date.",
            )
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise as_store_error(error) from error
    except StoreError:
        if connection is not None:
            connection.close()
        raise
    return ReadOnlyStore(connection)
