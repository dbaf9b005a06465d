"""Notices a handler that gives nothing any more (the stall watchdog of protocol 3.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..stream.live import HIGH_WATER
from .running import Running

LOOKS = 4
"""How often it is looked at within the time: a stall is noticed after that time and a quarter of it at most."""


class StallWatch:
    """Looks at a running turn now and then. Costs nothing per chunk."""

    __slots__ = ("_every_s", "_interrupt", "_quiet", "_running", "_seen", "_timer")

    def __init__(self, running: Running, after_s: float, interrupt: Callable[[], None]) -> None:
        self._running = running
        self._interrupt = interrupt
        self._every_s = after_s / LOOKS
        self._seen = -1
        self._quiet = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def end(self) -> None:
        """The handler has ended."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._look)

    def _look(self) -> None:
        running = self._running
        if running.interrupted or not running.producing:
            return
        made, backlog = running.stream.made, running.stream.backlog
        # A handler that has to wait for the store is not to blame.
        self._quiet = self._quiet + 1 if made == self._seen and backlog <= HIGH_WATER else 0
        self._seen = made
        if self._quiet >= LOOKS:
            running.stalled = True
            self._interrupt()
        else:
            self._wait()


def watching(running: Running, after_ms: int, interrupt: Callable[[], None]) -> StallWatch | None:
    """A watch over this turn, ``None`` when the agent wants none."""
    return StallWatch(running, after_ms / 1000, interrupt) if after_ms > 0 else None
