"""The thread that owns the write connection, and its group commit."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue

from ...errors import StoreUnavailable
from .connection import as_store_error
from .jobs import AnyJob, rounds
from .ledger import Ledger

BUSY_BATCH = 8
"""Jobs in a batch from which on the writer waits a moment before it takes the next."""

PATIENCE_S = 0.002
"""How long that moment is, in seconds."""

MAX_BATCH = 1024
"""Jobs in one transaction at most, so that the first of them does not wait for ever."""

_FREE_PAGES_KEPT = 1024
"""Pages of deleted rows (4 MiB) that stay in the file for the next rows."""

_FREE_PAGES_STEP = 256
"""Pages given back to the file system at a time, while nothing waits."""


class Writer:
    """Takes everything that has queued up, writes it in one transaction, syncs, then wakes all waiters.

    When a transaction fails, nothing of it stays, and its jobs are written again one by one: only those that
    are to blame (or that the disk has no room for) fail.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ledger = Ledger(connection)
        self._queue: SimpleQueue[AnyJob | None] = SimpleQueue()
        self._gate = threading.Lock()  # nothing is queued behind the end
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="cutty-store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: AnyJob) -> None:
        """Queue a job; it is carried out whatever happens to its waiter.

        Raises:
            StoreUnavailable: the writer was closed.
        """
        with self._gate:
            if self._closed:
                raise StoreUnavailable("The store is closed.", remedy="Open it again before using it.")
            self._queue.put(job)

    async def finish(self) -> None:
        """Write what is queued and take no more. Idempotent; returns when it is done."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    async def close(self) -> None:
        """Finish, then fold the log into the database and close the connection. Idempotent."""
        await self.finish()
        await asyncio.to_thread(self._connection.close)

    def _run(self) -> None:
        go_on = True
        written = 0
        while go_on:
            batch: list[AnyJob] = []
            if written >= BUSY_BATCH:
                # Under load a moment of patience fills the next transaction; each costs a sync of the disk.
                time.sleep(PATIENCE_S)
            go_on = self._take(batch)
            written = len(batch)
            if batch:
                self._write(batch)
                _wake(batch)
            if go_on:
                self._give_back_space()

    def _take(self, batch: list[AnyJob]) -> bool:
        """Wait for a job and add all that are there; false when the end was among them."""
        job = self._queue.get()
        for _ in range(min(self._queue.qsize(), MAX_BATCH - 1)):
            if job is None:
                return False
            batch.append(job)
            job = self._queue.get_nowait()
        if job is None:
            return False
        batch.append(job)
        return True

    def _write(self, batch: list[AnyJob]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # Not the fault of any of them (a foreign lock, say), so trying one by one would only wait longer.
            _fail(batch, error)
            return
        failure = self._transact(batch)
        if failure is None:
            return
        if len(batch) == 1:
            _fail(batch, failure)
            return
        for job in batch:
            self._write([job])

    def _transact(self, batch: list[AnyJob]) -> Exception | None:
        """Write the batch durably and end the transaction; or change nothing and return why."""
        connection = self._connection
        try:
            for job in batch:
                job.error = None
            for round in rounds(batch):
                self._ledger.apply(round)
            connection.execute("COMMIT")
        except Exception as error:
            self._ledger.forget()
            with contextlib.suppress(sqlite3.Error):  # then the next BEGIN says so
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return error
        return None

    def _give_back_space(self) -> None:
        if not self._queue.empty():
            return
        try:
            free: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
            while free > _FREE_PAGES_KEPT and self._queue.empty():
                # A script, because it steps to the end; execute() would stop after the first page.
                self._connection.executescript(f"PRAGMA incremental_vacuum({_FREE_PAGES_STEP})")
                left: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
                if left >= free:
                    return
                free = left
        except sqlite3.Error:
            # Only tidying: the next batch meets the same trouble and reports it to somebody who waits.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _wake(batch: Sequence[AnyJob]) -> None:
    """One call into each loop that waits."""
    waiting: dict[asyncio.AbstractEventLoop, list[AnyJob]] = {}
    for job in batch:
        waiting.setdefault(job.loop, []).append(job)
    for loop, jobs in waiting.items():
        try:
            loop.call_soon_threadsafe(_tell, jobs)
        except RuntimeError:
            continue  # that loop is closed: nobody waits any more


def _fail(batch: Sequence[AnyJob], cause: Exception) -> None:
    for job in batch:
        job.error = as_store_error(cause)
        job.error.__cause__ = cause


def _tell(jobs: list[AnyJob]) -> None:
    for job in jobs:
        job.tell()
