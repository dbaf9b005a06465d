"""The data directory: what lies where, and who may write."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ...errors import DataDirectoryInUse, StoreUnavailable

DATABASE = "sessions.db"
"""The database; SQLite keeps ``sessions.db-wal`` and ``sessions.db-shm`` beside it while it is open."""

LOCK = "lock"
"""Locked by the one process that may write; its text is that process's id."""


def database_path(directory: Path) -> Path:
    """Where the database of a data directory lies."""
    return directory / DATABASE


LEFT_BEHIND_S = 10.0
"""How long to wait, in seconds, for the writing process of a server that was killed to write what it was given."""

_LOOK_S = 0.01


class DirectoryLock:
    """The sole right to write in a data directory, held until :meth:`release` or the end of the process.

    Two advisory ``flock``, which the kernel drops when the last holder dies, so that a crash leaves nothing to clean up:
    one on the directory, for the server, and one on the file in it, for who writes. A writing process inherits the latter
    (:meth:`fileno`), so that nobody writes beside it when its server is killed. The file stays, because removing it would
    let two processes hold "the" lock.
    """

    def __init__(self, directory: Path) -> None:
        """Make the directory if needed (mode 0700, parents too) and take the lock. It is not waited for, but for the
        writing process of a server that was killed: that writes what it was given, which takes a moment.

        Raises:
            DataDirectoryInUse: somebody holds it, this process included.
            StoreUnavailable: the directory cannot be made or written.
        """
        self._fds: list[int] = []
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fds.append(os.open(directory, os.O_RDONLY))
            self._fds.append(os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            self.release()
            raise StoreUnavailable(
                f"The data directory {directory} cannot be used: {error.strerror}.",
                remedy="Choose a directory that this user may create and write.",
            ) from error
        deadline = time.monotonic() + LEFT_BEHIND_S
        if not _take(self._fds[0]) or not self._take_from_left_behind(deadline):
            holder = os.pread(self._fds[1], 32, 0).decode("ascii", "replace").strip()
            self.release()
            raise DataDirectoryInUse(
                f"The data directory {directory} is in use by process {holder or 'unknown'}.",
                remedy="Stop that server, or give this one a directory of its own.",
            )
        os.ftruncate(self._fds[1], 0)
        os.pwrite(self._fds[1], f"{os.getpid()}\n".encode(), 0)

    def _take_from_left_behind(self, deadline: float) -> bool:
        while not _take(self._fds[1]):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_S)
        return True

    def fileno(self) -> int:
        """The open lock file; a process that inherits it holds the right to write."""
        return self._fds[1]

    def release(self) -> None:
        """Let the next one in. Idempotent."""
        while self._fds:
            os.close(self._fds.pop())


def _take(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
