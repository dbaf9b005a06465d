"""Giving the space of deleted rows back to the file system, in steps that nobody has to wait for long."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final

FREE_PAGES_KEPT: Final = 1024
"""Pages of deleted rows (4 MiB) that stay in the file for the next rows."""

IDLE_STEP: Final = 256
"""Pages given back at a time while nothing waits."""

BUSY_STEP: Final = 64
"""Pages given back at a time while there is traffic."""

BUSY_PAUSE_S = 0.05
"""Least time between two steps while there is traffic, in seconds; each costs a sync of the disk."""


class Space:
    """Pages of one database file that hold nothing any more. For the thread that writes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._next = 0.0

    def give_back(self, idle: Callable[[], bool]) -> None:
        """All that is too much as long as ``idle()`` says that nothing waits; otherwise one small step now and then.

        Raises:
            sqlite3.Error: it could not be done; nothing is lost.
        """
        free = self._free()
        while free > FREE_PAGES_KEPT:
            if idle():
                left = self._step(IDLE_STEP)
            elif time.monotonic() >= self._next:
                self._step(BUSY_STEP)
                self._next = time.monotonic() + BUSY_PAUSE_S
                return
            else:
                return
            if left >= free:
                return
            free = left

    def _step(self, pages: int) -> int:
        # A script, because it steps to the end; execute() would stop after the first page.
        self._connection.executescript(f"PRAGMA incremental_vacuum({pages})")
        return self._free()

    def _free(self) -> int:
        free: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        return free
