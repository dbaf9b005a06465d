"""What is sent in one tick of the loop leaves in one write per connection."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

_log = logging.getLogger(__name__)


class Flushable(Protocol):
    """A connection with queued bytes."""

    def flush(self) -> None:
        """Hand what is queued to the transport."""
        ...


class WriteBatch:
    """Connections to flush at the end of this tick; one callback for all of them."""

    def __init__(self) -> None:
        self._waiting: list[Flushable] = []

    def add(self, connection: Flushable) -> None:
        """Flush ``connection`` once, after what runs now; call it when its queue stops being empty."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(connection)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            try:
                connection.flush()
            except Exception:
                _log.exception("a connection could not be written to")
