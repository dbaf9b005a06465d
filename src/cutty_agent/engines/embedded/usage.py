"""What ended turns consumed, summed up before it is written."""

from __future__ import annotations

import sqlite3

from ...ports.analytics import DAY_MS, HOUR_MS
from ...ports.store import AddUsage, Spent
from . import statements
from .hours import Hours, summed, sums_of
from .statements import Row


def day_of(at_ms: int) -> int:
    """The UTC day of a moment, counted from 1970."""
    return at_ms // DAY_MS


class Usage:
    """The sums of one round: a hundred ended turns of one agent are one row each for its session, and one together."""

    __slots__ = ("_active", "_agents", "_days", "_hours", "_latest", "_totals")

    def __init__(self, hours: Hours | None, latest: dict[int, int]) -> None:
        """``hours`` get the same sums, where they are kept. ``latest`` remembers the latest hour of some sessions with
        what this round writes; the caller forgets it when that is rolled back."""
        self._latest = latest
        self._days: dict[tuple[int, str, str, str], list[tuple[int, ...]]] = {}
        self._totals: dict[int, list[tuple[int, ...]]] = {}
        self._hours = hours
        self._active: dict[int, set[int]] = {}
        self._agents: dict[int, str] = {}

    def add(self, idx: int, agent: str, used: AddUsage) -> None:
        """Add a turn of the session with this index."""
        sums = sums_of(used)
        key = (day_of(used.at_ms), used.owner, agent, used.model)
        # Only gathered here; summing up many at once is cheaper.
        self._totals.setdefault(idx, []).append(sums)
        self._days.setdefault(key, []).append(sums)
        if self._hours is not None:
            self._hours.turn(agent, used, sums)
            hour = used.at_ms // HOUR_MS
            if self._latest.get(idx, -1) < hour:
                self._active.setdefault(idx, set()).add(hour)
                self._agents[idx] = agent

    def write(self, connection: sqlite3.Connection) -> None:
        """Add the sums to the sessions and days, and what is known only now to the hours."""
        if self._hours is not None:
            self._count_active(connection, self._hours)
        totals: list[Row] = []
        for idx, turns in self._totals.items():
            count, errors, _, into, out, cost = summed(turns)[:6]
            totals.append((idx, count, errors, into, out, cost))
        statements.ADD_TOTALS.run(connection, totals)
        statements.ADD_USAGE.run(connection, [(*key, *summed(turns)) for key, turns in self._days.items()])

    def _count_active(self, connection: sqlite3.Connection, hours: Hours) -> None:
        """Each session once an hour: those whose latest hour is an earlier one have not been counted in theirs."""
        rows: list[Row] = [(idx, max(had)) for idx, had in self._active.items()]
        self._latest.update((idx, max(had)) for idx, had in self._active.items())
        latest: list[Row] = []
        for group in statements.NEW_HOUR.groups(rows):
            for idx, created_ms, last_hour in statements.NEW_HOUR.execute(connection, group).fetchall():
                had = self._active[idx]
                hours.active(self._agents[idx], created_ms, last_hour, had)
                latest.append((idx, max(had)))
        statements.SET_HOUR.run(connection, latest)


def spent(connection: sqlite3.Connection, day_ms: int, owner: str | None) -> Spent:
    """What an owner, or with ``None`` everybody, consumed on the day that holds ``day_ms``."""
    sums = "SELECT ifnull(sum(input_tokens + output_tokens), 0), ifnull(sum(cost_nano), 0) FROM usage_days WHERE day = ?"
    if owner is None:
        row = connection.execute(sums, (day_of(day_ms),)).fetchone()
    else:
        row = connection.execute(f"{sums} AND owner = ?", (day_of(day_ms), owner)).fetchone()
    return Spent(*row)
