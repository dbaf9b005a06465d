"""Carries out batches of writes on the one connection that writes."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from .connection import as_store_error
from .jobs import Job, PurgeJob, ScrubJob
from .ledger import Ledger
from .rounds import rounds
from .scrubbing import scrub
from .space import Space


class Scribe:
    """Writes a batch in one transaction, or in few, each durable before its jobs are told. For one thread.

    When a transaction fails, nothing of it stays, and its jobs are written again one by one: only those that are to
    blame (or that the disk has no room for) fail. ``told`` is called with jobs whose ``value`` or ``error`` is final,
    in the order in which they became so, with when their transaction began and ended (``time.perf_counter``).
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        told: Callable[[Sequence[Job[Any]], float, float], None],
        *,
        analytics: bool = True,
    ) -> None:
        self.connection = connection
        self.ledger = Ledger(connection, analytics=analytics)
        self._space = Space(connection)
        self._told = told

    def carry_out(self, batch: Sequence[Job[Any]]) -> None:
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
            began = time.perf_counter()
            self._scrub(scrubs)
            self._told(scrubs, began, began)

    def give_back_space(self, idle: Callable[[], bool]) -> None:
        """Tidy up between two batches, longer while ``idle()`` says that nothing waits."""
        try:
            self._space.give_back(idle)
        except sqlite3.Error:
            # Only tidying: the next batch meets the same trouble and reports it to somebody who waits.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _finish(self, batch: Sequence[Job[Any]]) -> None:
        if batch:
            began = time.perf_counter()
            self._write(batch)
            self._told(batch, began, time.perf_counter())

    def _scrub(self, jobs: list[Job[Any]]) -> None:
        try:
            done = scrub(self.connection)
        except sqlite3.Error as error:
            fail(jobs, error)
            return
        for job in jobs:
            job.value = done

    def _write(self, batch: Sequence[Job[Any]]) -> None:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # Not the fault of any of them (a foreign lock, say), so trying one by one would only wait longer.
            fail(batch, error)
            return
        failure = self._transact(batch)
        if failure is None:
            return
        if len(batch) == 1:
            fail(batch, failure)
            return
        for job in batch:
            self._write([job])

    def _transact(self, batch: Sequence[Job[Any]]) -> Exception | None:
        """Write the batch durably and end the transaction; or change nothing and return why."""
        connection = self.connection
        try:
            for job in batch:
                job.error = None
            for round in rounds(batch):
                self.ledger.apply(round)
            connection.execute("COMMIT")
        except Exception as error:
            self.ledger.forget()
            with contextlib.suppress(sqlite3.Error):  # then the next BEGIN says so
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return error
        return None


def fail(jobs: Sequence[Job[Any]], cause: Exception) -> None:
    """Give the jobs the error that ``cause`` means."""
    for job in jobs:
        job.error = as_store_error(cause)
        job.error.__cause__ = cause
