"""The thread that owns the write connection, and its group commit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Sequence
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from ...errors import StoreUnavailable
from ...ports.meter import Meter, Unmeasured
from .jobs import Job
from .scribe import Scribe

BUSY_BATCH = 8
"""Jobs in a batch from which on the writer waits a moment before it takes the next."""

PATIENCE_S = 0.002
"""How long that moment is, in seconds: a transaction costs a sync of the disk, and turns at the interpreter lock."""

MAX_BATCH = 1024
"""Jobs in one transaction at most, so that the first of them does not wait for ever."""

T = TypeVar("T")


class JobQueue(Protocol):
    """What carries out jobs, one transaction for those that come together."""

    def submit(self, job: Job[T]) -> Awaitable[T]:
        """Queue a job, to be awaited in the running loop; it is carried out whatever happens to its waiter.

        Raises:
            StoreUnavailable: it was closed.
        """
        ...

    async def finish(self) -> None:
        """Write what is queued and take no more. Idempotent; returns when it is done."""
        ...

    async def close(self) -> None:
        """Finish, then fold the log into the database and close the connection. Idempotent."""
        ...


class Writer:
    """A :class:`JobQueue`: takes everything that has queued up, writes it in one transaction, then wakes all waiters."""

    def __init__(
        self, connection: sqlite3.Connection, *, analytics: bool = True, meter: Meter | None = None
    ) -> None:
        self._meter = meter or Unmeasured()
        self._home = HomeLoop()
        self.scribe = Scribe(connection, self._told, analytics=analytics)
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._meter.watch_queue(self._queue.qsize)
        self._gate = threading.Lock()  # nothing is queued behind the end
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="cutty-store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Awaitable[T]:
        answer = job.expect(self._home.running())
        with self._gate:
            if self._closed:
                raise closed()
            self._queue.put(job)
        return answer

    async def finish(self) -> None:
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    async def close(self) -> None:
        await self.finish()
        await asyncio.to_thread(self.scribe.connection.close)

    def _run(self) -> None:
        go_on = True
        written = 0
        while go_on:
            batch: list[Job[Any]] = []
            if written >= BUSY_BATCH:
                time.sleep(PATIENCE_S)
            go_on = self._take(batch)
            written = len(batch)
            if batch:
                self.scribe.carry_out(batch)
            if go_on:
                self.scribe.give_back_space(self._queue.empty)

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

    def _told(self, batch: Sequence[Job[Any]], began: float, ended: float) -> None:
        wake(batch)
        if ended > began:
            self._meter.wrote(len(batch), ended - batch[0].since, ended - began)


class HomeLoop:
    """The loop this was made in, and a cheap way to ask whether it is the running one: asyncio asks the kernel for the
    process id each time, which costs more than the rest of queueing a job."""

    __slots__ = ("_thread", "loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def running(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        if threading.get_ident() == self._thread and self.loop.is_running():
            return self.loop
        return asyncio.get_running_loop()


def closed() -> StoreUnavailable:
    """What a job that comes too late is told."""
    return StoreUnavailable("The store is closed.", remedy="Open it again before using it.")


def wake(batch: Sequence[Job[Any]]) -> None:
    """One call into each loop that waits."""
    waiting: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in batch:
        waiting.setdefault(job.loop, []).append(job)
    for loop, jobs in waiting.items():
        try:
            loop.call_soon_threadsafe(tell, jobs)
        except RuntimeError:
            continue  # that loop is closed: nobody waits any more


def tell(jobs: Sequence[Job[Any]]) -> None:
    """Wake those who wait for these jobs; in their loop."""
    for job in jobs:
        job.tell()
