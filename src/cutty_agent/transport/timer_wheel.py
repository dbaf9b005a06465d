"""One timer for all connections: coarse deadlines without a timer object each."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Protocol

_log = logging.getLogger(__name__)


class Due(Protocol):
    """Something that can wait in a wheel, in one place at a time."""

    slot: int
    """Written by the wheel alone; starts as :data:`NOWHERE`."""

    def due(self) -> None:
        """The time has come; the wheel has forgotten this entry, which may put itself back."""
        ...


NOWHERE = -1


class TimerWheel:
    """Entries come due after at least their delay and at most two ticks later.

    Time counts in turns, not in seconds by the clock: a loop that was suspended does not find every deadline
    missed when it wakes, because one turn still has to follow another. The loop's timer runs only while there
    are entries.
    """

    def __init__(self, tick_s: float = 1.0, slots: int = 64) -> None:
        self.now = 0
        self._tick_s = tick_s
        self._slots: list[set[Due]] = [set() for _ in range(slots)]
        self._count = 0
        self._turning = False

    def ticks(self, delay_s: float) -> int:
        """How many turns make at least ``delay_s`` seconds."""
        return math.ceil(delay_s / self._tick_s) + 1

    def put(self, entry: Due, ticks: int) -> None:
        """Let ``entry`` come due after ``ticks`` turns, wherever it waited before.

        A delay longer than the wheel comes due after one revolution; the entry then decides again.
        """
        self.remove(entry)
        slots = self._slots
        slot = (self.now + min(max(ticks, 1), len(slots) - 1)) % len(slots)
        slots[slot].add(entry)
        entry.slot = slot
        self._count += 1
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_later(self._tick_s, self._turn)

    def remove(self, entry: Due) -> None:
        """Forget ``entry``; nothing happens when it is not here."""
        if entry.slot != NOWHERE:
            self._slots[entry.slot].discard(entry)
            entry.slot = NOWHERE
            self._count -= 1

    def __len__(self) -> int:
        return self._count

    def _turn(self) -> None:
        self.now += 1
        slot = self.now % len(self._slots)
        entries, self._slots[slot] = self._slots[slot], set()
        for entry in entries:
            entry.slot = NOWHERE
        self._count -= len(entries)
        for entry in entries:
            try:
                entry.due()
            except Exception:
                _log.exception("a connection failed at its deadline")
        if self._count:
            asyncio.get_running_loop().call_later(self._tick_s, self._turn)
        else:
            self._turning = False
