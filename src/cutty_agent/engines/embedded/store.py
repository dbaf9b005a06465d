"""The embedded store: every session of one machine in one SQLite database."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Sequence
from pathlib import Path

import msgspec

from ...errors import CuttyError
from ...ids import Address
from ...ports.store import Op, SessionRow, Snapshot, StoredMessage, StoredTurn
from . import queries
from .connection import as_store_error, connect_reader, connect_writer, refuse_damaged
from .directory import DirectoryLock, database_path
from .jobs import ClaimJob, CommitJob, DeleteJob
from .migrations import migrate, refuse_newer, version_of
from .reader import Reader, guarded
from .writer import Writer


class EmbeddedStore:
    """A ``SessionStore`` on SQLite. Made by :func:`open_store`; may be used from several event loops.

    A claim of a session that exists leaves its ``active_ms`` alone; only commits move it.
    """

    def __init__(
        self, lock: DirectoryLock, path: Path, write: sqlite3.Connection, busy_timeout_s: float
    ) -> None:
        self._lock = lock
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._reader = Reader(connect_reader(path, busy_timeout_s=busy_timeout_s))
        self._writer = Writer(write)

    async def claim(self, address: Address, *, now_ms: int) -> Snapshot:
        job = ClaimJob(address, now_ms)
        self._writer.submit(job)
        claimed = await job.answer
        fresh = Snapshot(claimed.epoch, claimed.created, claimed.created_ms, [], None, {}, [])
        if claimed.created:
            return fresh
        # Read beside the writer, so that waking a long session holds up nobody's commit. In between only a later
        # owner can have changed it, or a delete; either way this epoch no longer lets anything be written.
        kept = await self._reader.run(queries.session, address, only=claimed.idx)
        return fresh if kept is None else msgspec.structs.replace(kept, epoch=claimed.epoch)

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        job = CommitJob(address, epoch, ops, now_ms)
        try:
            self._writer.submit(job)
        except CuttyError as error:
            job.answer.set_exception(error)
        return job.answer

    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        return await self._reader.run(queries.chunks, address, turn)

    async def messages(self, address: Address) -> list[StoredMessage] | None:
        return await self._reader.run(queries.messages, address)

    async def turns(self, address: Address) -> list[StoredTurn]:
        return await self._reader.run(queries.turns, address)

    async def interrupted(self) -> list[Address]:
        return await self._reader.run(queries.interrupted)

    async def sessions(
        self, *, agent: str | None = None, after: Address | None = None, limit: int = 100
    ) -> list[SessionRow]:
        return await self._reader.run(queries.sessions, agent, after, limit)

    async def delete(self, address: Address) -> bool:
        job = DeleteJob(address)
        self._writer.submit(job)
        return await job.answer

    async def check(self) -> list[str]:
        await self._reader.run(lambda _: None)  # raises when closed
        return await asyncio.to_thread(self._check)

    def _check(self) -> list[str]:
        # A connection of its own: on a large database this lasts, and reads must not wait for it.
        with contextlib.closing(
            connect_reader(self._path, busy_timeout_s=self._busy_timeout_s)
        ) as connection:
            return guarded(queries.problems, connection)

    async def close(self) -> None:
        await self._writer.finish()
        await self._reader.close()  # not before, because the claims just written are read by it
        await self._writer.close()  # the last connection, so that it leaves one tidy file
        self._lock.release()


async def open_store(
    directory: Path, *, busy_timeout_s: float = 5.0, max_bytes: int | None = None
) -> EmbeddedStore:
    """Open the store in ``directory``, making both when they do not exist, and bring its schema up to date.

    ``busy_timeout_s`` is how long to wait, in seconds, for a foreign program that has locked the database (a
    backup tool, say). ``max_bytes`` bounds the database file; commits beyond it fail as on a full disk. The
    start checks the integrity of the file, which takes time in proportion to its size.

    Raises:
        DataDirectoryInUse: another process, or another store of this one, holds the directory.
        StoreCorrupt: the integrity check failed, or the schema is newer than this program.
        StoreUnavailable: the directory or file cannot be read or written.
    """
    return await asyncio.to_thread(_open, directory, busy_timeout_s, max_bytes)


def _open(directory: Path, busy_timeout_s: float, max_bytes: int | None) -> EmbeddedStore:
    lock = DirectoryLock(directory)
    path = database_path(directory)
    with contextlib.ExitStack() as undo:
        undo.callback(lock.release)
        try:
            connection = connect_writer(path, busy_timeout_s=busy_timeout_s)
            undo.callback(connection.close)
            refuse_newer(version_of(connection))
            refuse_damaged(connection)
            migrate(connection)
            if max_bytes is not None:
                page_size: int = connection.execute("PRAGMA page_size").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_size)}")
            store = EmbeddedStore(lock, path, connection, busy_timeout_s)
        except sqlite3.Error as error:
            raise as_store_error(error) from error
        undo.pop_all()
    return store
