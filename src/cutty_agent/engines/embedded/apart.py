"""Writing in a process of its own, so that the event loop and SQLite do not take turns at one interpreter lock."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import structlog

from ...errors import StoreUnavailable
from ...ports.meter import Meter, Unmeasured
from .connection import as_store_error
from .directory import DirectoryLock
from .jobs import Job
from .parcels import Frames, Options, end, frame, pack_job, take_result, unpack_told
from .writer import HomeLoop, closed, tell, wake

log = structlog.get_logger("cutty_agent.store")

T = TypeVar("T")

EAGER = 64
"""So many jobs leave at once and not at the end of the tick, so that the process writes while this one goes on."""

RESTART_PAUSE_S = 1.0
"""A writing process that died is replaced, but not more often than this, in seconds."""


ROOT = Path(__file__).parents[3]
"""Where this package lies."""

# The working directory is not looked in: a select.py there must not stand in for Python's own.
_PROGRAM = f"import sys; sys.path.append(sys.argv.pop(1)); from {__package__}.desk import main; main()"


class WriterApart:
    """A :class:`~.writer.JobQueue` whose jobs are carried out by a process of its own. Made by :meth:`start`.

    Belongs to the loop it was started in; jobs may come from others. What is queued in one tick of the loop leaves in
    one write, or in few when it is much. The process holds the lock of the directory too, so that nobody writes beside it when this one is killed:
    it writes what it was given and ends. When it dies itself, the waiting jobs fail, nobody knows whether they were
    written, and the next job starts another.
    """

    def __init__(self, lock: DirectoryLock, options: Options, meter: Meter | None) -> None:
        self._lock = lock
        self._options = options
        self._meter = meter or Unmeasured()
        self._home = HomeLoop()
        self._loop = self._home.loop
        self._outbox: list[bytes] = []
        self._pending: dict[int, Job[Any]] = {}
        self._number = 0
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._line: _Line | None = None
        self._starting: asyncio.Task[None] | None = None
        self._started_at = -RESTART_PAUSE_S
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._over: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def start(cls, lock: DirectoryLock, options: Options, *, meter: Meter | None = None) -> WriterApart:
        """Start the process; it has opened the database when this returns.

        Raises:
            StoreUnavailable: it could not be started, or not open it.
        """
        writer = cls(lock, options, meter)
        writer._meter.watch_queue(lambda: len(writer._pending))
        await writer._start()
        await writer._ready
        return writer

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        answer = job.expect(self._home.running())
        if job.loop is self._loop:
            self._post(job)
        else:
            self._loop.call_soon_threadsafe(self._post_of_other, job)
        return answer

    async def finish(self) -> None:
        if not self._closed:
            self._closed = True
            if self._starting is not None:
                await self._starting
            if self._line is None:
                self.finished()
            else:
                self._flush()
                self._line.write(end())
        await asyncio.shield(self._over)

    async def close(self) -> None:
        await self.finish()
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)

    # -- sending

    def _post(self, job: Job[Any]) -> None:
        if self._closed:
            raise closed()
        self._number += 1
        try:
            parcel = pack_job(self._number, job)
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            raise as_store_error(error) from error
        if self._line is None and self._starting is None:
            if time.monotonic() - self._started_at < RESTART_PAUSE_S:
                raise StoreUnavailable("The writing process has just ended.", remedy="Try again in a second.")
            self._starting = self._loop.create_task(self._start())
        self._pending[self._number] = job
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append(parcel)
        if len(self._outbox) >= EAGER:
            self._flush()

    def _post_of_other(self, job: Job[Any]) -> None:
        try:
            self._post(job)
        except Exception as error:
            job.error = error
            wake([job])

    def _flush(self) -> None:
        if self._outbox and self._line is not None:
            parcels, self._outbox = self._outbox, []
            self._line.write(frame(parcels))

    # -- the process

    async def _start(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)  # it closed its end, so it is about to be gone
        ours, theirs = socket.socketpair()
        self._started_at = time.monotonic()
        try:
            with theirs:
                self._launch(theirs)
            await self._loop.create_unix_connection(lambda: _Line(self, ours.dup()), sock=ours)
        except OSError as error:
            ours.close()
            self._starting = None
            self._fail_all(f"The writing process could not be started: {error}.")

    def _launch(self, theirs: socket.socket) -> None:
        """Start what serves the other end. Returns once the program is loaded, not once it is ready.

        Raises:
            OSError: it cannot be started.
        """
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-c", _PROGRAM, str(ROOT)),
                *(str(theirs.fileno()), msgspec.json.encode(self._options).decode()),
            ],
            pass_fds=(theirs.fileno(), self._lock.fileno()),
            stdin=subprocess.DEVNULL,
            process_group=0,  # what a terminal sends to the server is not meant for it
        )

    def connected(self, line: _Line) -> None:
        """The process has its end of the socket; it reads when it is ready."""
        self._line, self._starting = line, None
        self._flush()

    def heard(self, body: bytes) -> None:
        """Jobs are over."""
        told = unpack_told(body)
        if not told.numbers:
            if not self._ready.done():
                self._ready.set_result(None)
            return
        pending, here = self._pending, self._loop
        for number, result in told.results.items():
            take_result(pending[number], result)
        jobs = [pending.pop(number) for number in told.numbers]
        tell([job for job in jobs if job.loop is here])
        others = [job for job in jobs if job.loop is not here]
        if others:
            wake(others)
        if told.ended > told.began:
            self._meter.wrote(len(jobs), told.ended - jobs[0].since, told.ended - told.began)

    def finished(self) -> None:
        """All jobs are over, and no more will come."""
        if not self._over.done():
            self._over.set_result(None)

    def lost(self) -> None:
        """The process has closed its end: it is done, or it has died."""
        self._line = None
        if self._closed:
            self.finished()
        if self._pending or not self._ready.done():
            self._fail_all("The writing process ended before it had written everything.")
        elif not self._closed:
            log.error("writer.ended", remedy="It is started anew with the next write.")

    def _fail_all(self, sentence: str) -> None:
        pending, self._pending, self._outbox = self._pending, {}, []
        log.error("writer.ended", error=sentence, writes=len(pending))
        if not self._ready.done():
            self._ready.set_exception(_failed(sentence))
        for job in pending.values():
            job.error = _failed(sentence)
        wake(list(pending.values()))


def _failed(sentence: str) -> StoreUnavailable:
    return StoreUnavailable(sentence, remedy="See the log of the server, then try again.")


class _Line(asyncio.Protocol):
    """Our end of the socket. ``direct`` is a second descriptor of it: uvloop's transport would keep what it is given until
    the tick is over."""

    def __init__(self, writer: WriterApart, direct: socket.socket) -> None:
        self._writer = writer
        self._frames = Frames()
        self._direct = direct
        self._transport: asyncio.Transport

    def write(self, data: bytes) -> None:
        """Send now what the kernel takes, and the rest as soon as it does."""
        sent = 0
        if not self._transport.get_write_buffer_size():
            with contextlib.suppress(
                OSError
            ):  # of a full buffer, or of an end that the transport will notice
                sent = self._direct.send(data, socket.MSG_DONTWAIT)
        if sent < len(data):
            self._transport.write(data[sent:])

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._writer.connected(self)

    def data_received(self, data: bytes) -> None:
        for body in self._frames.feed(data):
            if body:
                self._writer.heard(body)
            else:
                self._writer.finished()

    def connection_lost(self, exc: Exception | None) -> None:
        self._direct.close()
        with contextlib.suppress(RuntimeError):  # the loop is being closed
            self._writer.lost()
