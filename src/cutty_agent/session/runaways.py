"""The runaway guards of the sessions of one server."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from ..config import Limits
from ..core.runaway import Event, Guard
from ..ids import Address

REMEMBERED: Final = 50_000
"""Sessions whose events are counted at most; above that the one that was quiet longest is forgotten."""

_FORGOTTEN_AT_ONCE: Final = 4


class Runaways:
    """Counts what sessions do; a session that did nothing for a minute is forgotten."""

    def __init__(self, limits: Limits, remembered: int = REMEMBERED) -> None:
        self._turns = limits.runaway_turns_per_minute
        self._wakes = limits.runaway_wakes_per_minute
        self._remembered = remembered
        self._guards: OrderedDict[Address, Guard] = OrderedDict()

    def __len__(self) -> int:
        return len(self._guards)

    def note(self, event: Event, address: Address, now: float) -> str | None:
        """Count one; the reason for parking the session when that was too many, and then its counts start anew."""
        guard = self._guards.get(address)
        if guard is None:
            self._forget(now)
            guard = self._guards[address] = Guard(turns_per_minute=self._turns, wakes_per_minute=self._wakes)
        else:
            self._guards.move_to_end(address)
        return guard.note(event, now)

    def tidy(self, now: float) -> None:
        """Forget every session that did nothing for a minute."""
        guards = self._guards  # ordered by what they noted last
        while guards and next(iter(guards.values())).idle(now):
            guards.popitem(last=False)

    def _forget(self, now: float) -> None:
        guards = self._guards
        for _ in range(_FORGOTTEN_AT_ONCE):
            if not guards or not next(iter(guards.values())).idle(now):
                break
            guards.popitem(last=False)
        while len(guards) >= self._remembered:
            guards.popitem(last=False)
