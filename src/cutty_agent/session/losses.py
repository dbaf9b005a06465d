"""Clients that may have missed the end of an answer, remembered until they come back (protocol 3.9)."""

from __future__ import annotations

from collections import OrderedDict

from ..clock import Clock
from ..ids import Address
from .connection import Connection
from .slot import Slot

REMEMBERED_LOSSES = 10_000
"""Clients that vanished in mid-answer and are remembered until they come back."""

SETTLING_S = 600.0
"""After a start, clients that return may have missed the end of an answer; seconds."""


class Losses:
    """Who was cut off in mid-answer. ``recovered`` are the sessions that a crash cut off before this start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self._gone: OrderedDict[tuple[Address, str], None] = OrderedDict()
        self.recovered: frozenset[Address] = frozenset()

    def note(self, slot: Slot, conn: Connection) -> None:
        """A client is gone that may miss the end of an answer."""
        if not conn.opening.labelled:
            return
        self._gone[(slot.address, conn.opening.label)] = None
        while len(self._gone) > REMEMBERED_LOSSES:
            self._gone.popitem(last=False)

    def came_back(self, slot: Slot, conn: Connection) -> bool:
        """Whether this client, now here again, may have missed something."""
        if not conn.opening.labelled:
            return False
        noted = self._gone.pop((slot.address, conn.opening.label), False) is None
        return noted or self._settling(slot) or _came_before(slot, conn)

    def _settling(self, slot: Slot) -> bool:
        """Before a restart nobody noted who was cut off: for a while, who returns is taken to have missed an end."""
        return slot.address in self.recovered and self._clock.monotonic() - self._started < SETTLING_S


def _came_before(slot: Slot, conn: Connection) -> bool:
    """Whether an earlier socket of this client is still here; its network broke, and nobody knows what it got."""
    return any(other.opening.label == conn.opening.label for other in slot.connections)
