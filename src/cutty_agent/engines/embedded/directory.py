"""The data directory: what lies where, and who may write."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ...errors import DataDirectoryInUse, StoreUnavailable

DATABASE = "sessions.db"
"""The database; SQLite keeps ``sessions.db-wal`` and ``sessions.db-shm`` beside it while it is open."""

LOCK = "lock"
"""Locked by the one process that may write; its text is that process's id."""


def database_path(directory: Path) -> Path:
    """Where the database of a data directory lies."""
    return directory / DATABASE


class DirectoryLock:
    """The sole right to write in a data directory, held until :meth:`release` or the end of the process.

    An advisory ``flock``: the kernel drops it when the process dies, so a crash leaves nothing to clean up. The
    file itself stays, because removing it would let two processes hold "the" lock.
    """

    def __init__(self, directory: Path) -> None:
        """Make the directory if needed (mode 0700, parents too) and take the lock without waiting.

        Raises:
            DataDirectoryInUse: somebody holds it, this process included.
            StoreUnavailable: the directory cannot be made or written.
        """
        path = directory / LOCK
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"The data directory {directory} cannot be used: {error.strerror}.",
                remedy="Choose a directory that this user may create and write.",
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise DataDirectoryInUse(
                f"The data directory {directory} is in use by process {holder or 'unknown'}.",
                remedy="Stop that server, or give this one a directory of its own.",
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
