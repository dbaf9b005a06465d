"""The embedded store: every session of one machine in one SQLite database."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from ...errors import CuttyError
from ...ids import Address
from ...ports.analytics import By, Period, Step, Totals, UsagePage
from ...ports.listing import Listing, SessionPage
from ...ports.meter import Meter
from ...ports.store import (
    FOREVER,
    AuditEntry,
    AuditRow,
    Lifetime,
    Op,
    Removed,
    SessionRow,
    Snapshot,
    Spent,
    StoredTranscript,
    StoredTurn,
)
from ...wire.card import Card
from ...wire.principal import NEVER_MS
from . import books, browsing, listings, queries, rollups, usage
from .apart import WriterApart
from .claims import not_owner
from .connection import as_store_error, connect_reader, connect_writer, refuse_damaged
from .directory import DirectoryLock, database_path
from .jobs import (
    ClaimJob,
    CommitJob,
    DeleteJob,
    ForgetAuditJob,
    Job,
    NoteJob,
    PurgeJob,
    RevokeJob,
    SampleJob,
    ScrubJob,
)
from .migrations import migrate, refuse_newer, version_of
from .parcels import Options
from .reader import Reader, guarded
from .writer import JobQueue, Writer

T = TypeVar("T")


class EmbeddedStore:
    """A ``SessionStore`` on SQLite. Made by :func:`open_store`; may be used from several event loops.

    What sessions read of themselves and what is listed across sessions have a connection each, so that waking a
    session does not wait for an operator's long list.
    """

    def __init__(
        self,
        lock: DirectoryLock,
        path: Path,
        writer: JobQueue,
        busy_timeout_s: float,
    ) -> None:
        self._lock = lock
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._reader = Reader(connect_reader(path, busy_timeout_s=busy_timeout_s))
        self._lister = Reader(connect_reader(path, busy_timeout_s=busy_timeout_s))
        self._writer = writer

    async def claim(
        self,
        address: Address,
        *,
        owner: str | None,
        now_ms: int,
        lifetime: Lifetime = FOREVER,
        create: bool = True,
        expired: bool = False,
    ) -> Snapshot:
        claimed = await self._write(
            ClaimJob(address, owner=owner, now_ms=now_ms, lifetime=lifetime, create=create, expired=expired)
        )
        card = Card(owner or "", claimed.created_ms, claimed.active_ms, claimed.expires_ms)
        fresh = Snapshot(claimed.epoch, claimed.created, card, [], None, {}, [])
        if claimed.created:
            return fresh
        # Read beside the writer, so that waking a long session holds up nobody's commit. In between only a later
        # writer can have changed it, or a delete; either way this epoch no longer lets anything be written.
        match await self._reader.run(queries.claimed, address, claimed.idx, owner):
            case Snapshot() as kept:
                return msgspec.structs.replace(kept, epoch=claimed.epoch)
            case Card():
                raise not_owner(address)
        return fresh

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        job = CommitJob(address, epoch, ops, now_ms=now_ms, expires_ms=expires_ms)
        try:
            return self._writer.submit(job)
        except CuttyError as error:
            job.answer.set_exception(error)
            return job.answer

    async def card(self, address: Address) -> Card | None:
        return await self._reader.run(queries.card, address)

    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        return await self._reader.run(queries.chunks, address, turn)

    async def messages(self, address: Address) -> StoredTranscript | None:
        return await self._reader.run(queries.messages, address)

    async def state(self, address: Address) -> bytes | None:
        return await self._reader.run(queries.state, address)

    async def turns(self, address: Address) -> list[StoredTurn]:
        return await self._reader.run(queries.turns, address)

    async def interrupted(self) -> list[Address]:
        return await self._lister.run(listings.interrupted)

    async def sessions(
        self,
        *,
        agent: str | None = None,
        owner: str | None = None,
        idle_since_ms: int | None = None,
        parked: bool = False,
        after: Address | None = None,
        limit: int = 100,
    ) -> list[SessionRow]:
        return await self._lister.run(
            listings.sessions,
            agent=agent,
            owner=owner,
            idle_since_ms=idle_since_ms,
            parked=parked,
            after=after,
            limit=limit,
        )

    async def expired(self, *, now_ms: int, limit: int) -> list[Address]:
        return await self._lister.run(listings.expired, now_ms, limit)

    async def delete(self, address: Address) -> Removed:
        return await self._write(DeleteJob(address))

    async def delete_expired(self, addresses: Sequence[Address], *, now_ms: int) -> Removed:
        """As the port says, but in as many transactions as it takes: none lasts much longer than
        :data:`~cutty_agent.engines.embedded.removal.ROUND_S`, and commits that wait go between them. Each session is
        removed as a whole; when the store fails in between, some are already gone."""
        removed, left = Removed(), tuple(addresses)
        while left:
            started = time.monotonic()
            round = await self._write(PurgeJob(left, now_ms))
            left = round.left
            if left:
                await asyncio.sleep(time.monotonic() - started)  # at least half of the time is for others
            removed = Removed(
                removed.sessions + round.removed.sessions,
                removed.messages + round.removed.messages,
                removed.turns + round.removed.turns,
            )
        return removed

    async def scrub(self) -> bool:
        """As the port says. Commits wait meanwhile; see :mod:`.scrubbing`."""
        return await self._write(ScrubJob())

    async def spent(self, *, day_ms: int, owner: str | None = None) -> Spent:
        reader = self._lister if owner is None else self._reader
        return await reader.run(usage.spent, day_ms, owner)

    async def note(self, entries: Sequence[AuditEntry]) -> None:
        await self._write(NoteJob(entries))

    async def audit(
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
        return await self._lister.run(books.page, before, action, actor, address, limit, from_ms, to_ms)

    async def forget_audit(self, *, before_ms: int) -> int:
        forgotten = step = await self._write(ForgetAuditJob(before_ms))
        while step == books.FORGET_STEP:
            step = await self._write(ForgetAuditJob(before_ms))
            forgotten += step
        return forgotten

    async def revoke(self, key: str, *, until_ms: int, now_ms: int) -> None:
        await self._write(RevokeJob(key, until_ms=until_ms, now_ms=now_ms))

    async def revocations(self, *, now_ms: int) -> dict[str, int]:
        return await self._lister.run(books.revocations, now_ms)

    async def sample(self, *, at_ms: int, running: int, sockets: int) -> None:
        await self._write(SampleJob(at_ms=at_ms, running=running, sockets=sockets))

    async def periods(
        self, *, step: Step, from_ms: int, to_ms: int, agent: str | None = None
    ) -> list[Period]:
        return await self._lister.run(rollups.periods, step=step, from_ms=from_ms, to_ms=to_ms, agent=agent)

    async def usage(
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
        return await self._lister.run(
            rollups.usage,
            by=by,
            from_ms=from_ms,
            to_ms=to_ms,
            agent=agent,
            owner=owner,
            after=after,
            limit=limit,
        )

    async def totals(self) -> Totals:
        return await self._lister.run(rollups.totals)

    async def browse(self, listing: Listing) -> SessionPage:
        return await self._lister.run(browsing.browse, listing)

    async def check(self) -> list[str]:
        await self._lister.run(lambda _: None)  # raises when closed
        return await asyncio.to_thread(self._check)

    def _check(self) -> list[str]:
        # A connection of its own: on a large database this lasts, and reads must not wait for it.
        with contextlib.closing(
            connect_reader(self._path, busy_timeout_s=self._busy_timeout_s)
        ) as connection:
            return guarded(listings.problems, connection)

    async def close(self) -> None:
        await self._writer.finish()
        await self._reader.close()  # not before, because the claims just written are read by it
        await self._lister.close()
        await self._writer.close()  # the last connection, so that it leaves one tidy file
        self._lock.release()

    async def _write(self, job: Job[T]) -> T:
        return await self._writer.submit(job)


async def open_store(
    directory: Path,
    *,
    busy_timeout_s: float = 5.0,
    max_bytes: int | None = None,
    analytics: bool = True,
    meter: Meter | None = None,
    apart: bool = False,
) -> EmbeddedStore:
    """Open the store in ``directory``, making both when they do not exist, and bring its schema up to date.

    ``busy_timeout_s`` is how long to wait, in seconds, for a foreign program that has locked the database (a
    backup tool, say). ``max_bytes`` bounds the database file; commits beyond it fail as on a full disk. Without
    ``analytics`` the sums by the hour are not kept, and :meth:`~EmbeddedStore.periods` is empty for that time.
    ``meter`` is told of every write. With ``apart`` a process of its own writes, instead of a thread; the store must then
    be closed in the loop it was opened in. The start checks the integrity of the file, which takes time in proportion to
    its size.

    Raises:
        DataDirectoryInUse: another process, or another store of this one, holds the directory.
        StoreCorrupt: the integrity check failed, or the schema is newer than this program.
        StoreUnavailable: the directory or file cannot be read or written.
    """
    lock = await asyncio.to_thread(DirectoryLock, directory)
    path = database_path(directory)
    with contextlib.ExitStack() as undo:
        undo.callback(lock.release)
        try:
            connection, max_pages = await asyncio.to_thread(_prepare, path, busy_timeout_s, max_bytes)
            undo.callback(connection.close)
            writer: JobQueue
            if apart:
                connection.close()
                options = Options(str(path), busy_timeout_s, max_pages, analytics)
                writer = await WriterApart.start(lock, options, meter=meter)
            else:
                writer = Writer(connection, analytics=analytics, meter=meter)
            store = EmbeddedStore(lock, path, writer, busy_timeout_s)
        except sqlite3.Error as error:
            raise as_store_error(error) from error
        undo.pop_all()
    return store


def _prepare(
    path: Path, busy_timeout_s: float, max_bytes: int | None
) -> tuple[sqlite3.Connection, int | None]:
    """The checked, migrated database, open for writing; and how many pages its file may have."""
    connection = connect_writer(path, busy_timeout_s=busy_timeout_s)
    try:
        refuse_newer(version_of(connection))
        refuse_damaged(connection)
        migrate(connection)
        max_pages = None
        if max_bytes is not None:
            page_size: int = connection.execute("PRAGMA page_size").fetchone()[0]
            max_pages = max(1, max_bytes // page_size)
            connection.execute(f"PRAGMA max_page_count = {max_pages}")
    except BaseException:
        connection.close()
        raise
    return connection, max_pages
