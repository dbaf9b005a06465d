"""The writing process: :func:`main` with a socket's descriptor and :class:`~.parcels.Options`, started by :mod:`.apart`.

It exits when the socket is closed at the other end, also by the death of that process: what was handed in is written
first. Signals that end the server end it through the server alone.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from .connection import connect_writer
from .jobs import Job
from .parcels import Frames, Options, end, told_frame, unpack_jobs
from .scribe import Scribe, fail

RECEIVE_BYTES = 1 << 20
"""At most so much is read at a time."""

BATCH_BYTES = 1 << 24
"""Once so much has come it is written, although there may be more, so that the first of it does not wait for ever."""


class Desk:
    """Reads jobs from a socket, carries them out in batches and tells of each batch."""

    def __init__(self, sock: socket.socket, options: Options) -> None:
        self._socket = sock
        self._connection = connect_writer(Path(options.path), busy_timeout_s=options.busy_timeout_s)
        if options.max_pages is not None:
            self._connection.execute(f"PRAGMA max_page_count = {options.max_pages}")
        self._scribe = Scribe(self._connection, self._told, analytics=options.analytics)
        self._frames = Frames()
        self._numbers: dict[int, int] = {}  # of the jobs at hand, by identity

    def run(self) -> None:
        """Until the other side is gone, or has announced it; what came before is written."""
        self._told([], 0.0, 0.0)  # it is ready
        go_on = True
        while go_on:
            bodies, go_on = self._receive()
            self._carry_out(bodies)
            if go_on:
                self._scribe.give_back_space(self._idle)
        with contextlib.suppress(OSError):
            self._socket.sendall(end())
            while self._socket.recv(RECEIVE_BYTES):  # the last connection to be closed leaves one tidy file
                pass
        self._connection.close()

    def _receive(self) -> tuple[list[bytes], bool]:
        """Wait for something and take all that is there; false behind the last."""
        bodies: list[bytes] = []
        size = 0
        while True:
            try:
                data = self._socket.recv(RECEIVE_BYTES)
            except ConnectionResetError:  # killed with news that it had not read
                data = b""
            whole = self._frames.feed(data)
            if not data or b"" in whole:
                return [*bodies, *(body for body in whole if body)], False
            bodies += whole
            size += len(data)
            if bodies and (size > BATCH_BYTES or self._idle()):
                return bodies, True

    def _idle(self) -> bool:
        return not select.select([self._socket], [], [], 0)[0]

    def _carry_out(self, bodies: Sequence[bytes]) -> None:
        batch: list[Job[Any]] = []
        for body in bodies:
            for number, job in unpack_jobs(body):
                if isinstance(job, Exception):
                    unreadable: Job[Any] = Job()
                    self._numbers[id(unreadable)] = number
                    fail([unreadable], TypeError(str(job)))
                    self._told([unreadable], 0.0, 0.0)
                else:
                    self._numbers[id(job)] = number
                    batch.append(job)
        self._scribe.carry_out(batch)

    def _told(self, jobs: Sequence[Job[Any]], began: float, ended: float) -> None:
        numbers = [self._numbers.pop(id(job)) for job in jobs]
        with contextlib.suppress(OSError):  # when nobody is there any more, the rest is written all the same
            self._socket.sendall(told_frame(numbers, jobs, began, ended))


def main() -> None:
    """Serve the socket whose descriptor is the first argument, with the options in JSON that are the second."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    sock = socket.socket(fileno=int(sys.argv[1]))
    Desk(sock, msgspec.json.decode(sys.argv[2], type=Options)).run()
