"""What ended turns consumed, summed up before it is written."""

from __future__ import annotations

import sqlite3

from ...ports.store import AddUsage, Spent
from . import statements

DAY_MS = 86_400_000


def day_of(at_ms: int) -> int:
    """The UTC day of a moment, counted from 1970."""
    return at_ms // DAY_MS


class Usage:
    """The sums of one round: a hundred ended turns of one agent are one row each for its session, and one together."""

    __slots__ = ("_days", "_totals")

    def __init__(self) -> None:
        self._days: dict[tuple[int, str, str, str], tuple[int, ...]] = {}
        self._totals: dict[int, tuple[int, ...]] = {}

    def add(self, idx: int, agent: str, used: AddUsage) -> None:
        """Add a turn of the session with this index."""
        errors = int(used.outcome == "error")
        total = (1, errors, used.input_tokens, used.output_tokens, used.cost_nano)
        times = (used.duration_ms, used.first_ms or 0, int(used.first_ms is not None))
        key = (day_of(used.at_ms), used.owner, agent, used.model)
        self._totals[idx] = _sum(self._totals.get(idx), total)
        self._days[key] = _sum(self._days.get(key), (*total, used.calls, used.tools, *times))

    def write(self, connection: sqlite3.Connection) -> None:
        """Add the sums to the sessions and days."""
        statements.ADD_TOTALS.run(connection, [(idx, *sums) for idx, sums in self._totals.items()])
        statements.ADD_USAGE.run(connection, [(*key, *sums) for key, sums in self._days.items()])


def _sum(earlier: tuple[int, ...] | None, more: tuple[int, ...]) -> tuple[int, ...]:
    return more if earlier is None else tuple(map(int.__add__, earlier, more))


def spent(connection: sqlite3.Connection, day_ms: int, owner: str | None) -> Spent:
    """What an owner, or with ``None`` everybody, consumed on the day that holds ``day_ms``."""
    sums = "SELECT ifnull(sum(input_tokens + output_tokens), 0), ifnull(sum(cost_nano), 0) FROM usage_days WHERE day = ?"
    if owner is None:
        row = connection.execute(sums, (day_of(day_ms),)).fetchone()
    else:
        row = connection.execute(f"{sums} AND owner = ?", (day_of(day_ms), owner)).fetchone()
    return Spent(*row)
