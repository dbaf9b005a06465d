"""The thread that owns the write connection, and its group commit."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any

from ...errors import StoreUnavailable
from ...ports.meter import Meter, Unmeasured
from .connection import as_store_error
from .jobs import Job, PurgeJob, ScrubJob
from .ledger import Ledger
from .rounds import rounds
from .scrubbing import scrub
from .space import Space

BUSY_BATCH = 8
"""Jobs in a batch from which on the writer waits a moment before it takes the next."""

PATIENCE_S = 0.002
"""How long that moment is, in seconds."""

MAX_BATCH = 1024
"""Jobs in one transaction at most, so that the first of them does not wait for ever."""


class Writer:
    """Takes everything that has queued up, writes it in one transaction, syncs, then wakes all waiters.

    When a transaction fails, nothing of it stays, and its jobs are written again one by one: only those that
    are to blame (or that the disk has no room for) fail.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, analytics: bool = True, meter: Meter | None = None
    ) -> None:
        self._connection = connection
        self._meter = meter or Unmeasured()
        self._ledger = Ledger(connection, analytics=analytics)
        self._space = Space(connection)
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._meter.watch_queue(self._queue.qsize)
        self._gate = threading.Lock()  # nothing is queued behind the end
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="cutty-store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[Any]) -> None:
        """Queue a job; it is carried out whatever happens to its waiter.

        Raises:
            StoreUnavailable: the writer was closed.
        """
        job.since = time.perf_counter()
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
            batch: list[Job[Any]] = []
            if written >= BUSY_BATCH:
                # Under load a moment of patience fills the next transaction; each costs a sync of the disk.
                time.sleep(PATIENCE_S)
            go_on = self._take(batch)
            written = len(batch)
            if batch:
                self._carry_out(batch)
            if go_on:
                self._give_back_space()

    def _take(self, batch: list[Job[Any]]) -> bool:
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

    def _carry_out(self, batch: list[Job[Any]]) -> None:
        """In order, with what lasts longer apart from the rest: rounds of removal have transactions of their own, and
        scrubbing comes last, once for all who wait for it."""
        together: list[Job[Any]] = []
        scrubs: list[Job[Any]] = []
        for job in batch:
            if isinstance(job, ScrubJob):
                scrubs.append(job)
            elif isinstance(job, PurgeJob):
                self._finish(together)
                self._finish([job])
                together = []
            else:
                together.append(job)
        self._finish(together)
        if scrubs:
            self._scrub(scrubs)
            _wake(scrubs)

    def _finish(self, batch: list[Job[Any]]) -> None:
        if batch:
            began = time.perf_counter()
            self._write(batch)
            ended = time.perf_counter()
            _wake(batch)
            self._meter.wrote(len(batch), ended - batch[0].since, ended - began)

    def _scrub(self, jobs: list[Job[Any]]) -> None:
        try:
            done = scrub(self._connection)
        except sqlite3.Error as error:
            _fail(jobs, error)
            return
        for job in jobs:
            job.value = done

    def _write(self, batch: list[Job[Any]]) -> None:
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

    def _transact(self, batch: list[Job[Any]]) -> Exception | None:
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
        try:
            self._space.give_back(self._queue.empty)
        except sqlite3.Error:
            # Only tidying: the next batch meets the same trouble and reports it to somebody who waits.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _wake(batch: Sequence[Job[Any]]) -> None:
    """One call into each loop that waits."""
    waiting: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in batch:
        waiting.setdefault(job.loop, []).append(job)
    for loop, jobs in waiting.items():
        try:
            loop.call_soon_threadsafe(_tell, jobs)
        except RuntimeError:
            continue  # that loop is closed: nobody waits any more


def _fail(batch: Sequence[Job[Any]], cause: Exception) -> None:
    for job in batch:
        job.error = as_store_error(cause)
        job.error.__cause__ = cause


def _tell(jobs: Sequence[Job[Any]]) -> None:
    for job in jobs:
        job.tell()
