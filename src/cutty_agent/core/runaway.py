"""The guard of one session against running wild: an agent that calls itself, a schedule that never rests."""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Final, Literal

WINDOW_S: Final = 60.0
"""The stretch of time in which is counted, seconds."""

Event = Literal["turns", "wakes"]

_DID: dict[Event, str] = {"turns": "began {} turns", "wakes": "woke up {} times"}


class Pace:
    """Tells when something happened more than ``per_minute`` times within a minute; 1 where that is less than 1.

    Exact, and keeps no more times than it needs to decide: the newest ``per_minute + 1``.
    """

    __slots__ = ("_times",)

    def __init__(self, per_minute: float) -> None:
        self._times: deque[float] = deque(maxlen=max(1, int(per_minute)) + 1)

    def note(self, now: float) -> tuple[int, float] | None:
        """It happened at the monotonic time ``now``; how many times in how many seconds when that is too often.

        Then it starts anew, so that a session that is let run again is not stopped by its past.
        """
        times = self._times
        times.append(now)
        took = now - times[0]
        if len(times) < (times.maxlen or 0) or took >= WINDOW_S:
            return None
        count = len(times)
        times.clear()
        return count, took

    def last(self) -> float:
        """When it last happened; minus infinity when it has not."""
        return self._times[-1] if self._times else float("-inf")


class Guard:
    """Counts the turns and wake-ups of one session."""

    __slots__ = ("_paces",)

    def __init__(self, *, turns_per_minute: float, wakes_per_minute: float) -> None:
        self._paces: dict[Event, tuple[Pace, float]] = {
            "turns": (Pace(turns_per_minute), turns_per_minute),
            "wakes": (Pace(wakes_per_minute), wakes_per_minute),
        }

    def note(self, event: Event, now: float) -> str | None:
        """Count one; one sentence that says why the session is to be parked when that was too many."""
        pace, per_minute = self._paces[event]
        excess = pace.note(now)
        if excess is None:
            return None
        count, took = excess
        return (
            f"The session {_DID[event].format(count)} within {max(1, ceil(took))} s; "
            f"limits.runaway_{event}_per_minute is {per_minute:.10g}."
        )

    def idle(self, now: float) -> bool:
        """Whether nothing is counted any more, so that the guard need not be kept."""
        return all(now - pace.last() >= WINDOW_S for pace, _ in self._paces.values())
