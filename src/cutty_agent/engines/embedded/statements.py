"""SQL that writes many rows in one step."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeVar

from ...wire.principal import NEVER_MS

Row = tuple[int | str | bytes | None, ...]
R = TypeVar("R", bound=Row)

_SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)
_FINER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


class RowsStatement:
    """One statement in which ``{rows}`` stands for a list of parenthesised rows.

    sqlite3 gives up the interpreter lock for every step, and taking it back from a busy event loop lasts up to
    the switch interval: row by row, 200 inserts took 600 ms beside a busy loop. So rows go by the hundred, in a few
    sizes that all stay prepared. Where the same row twice does no more than once (``again``), the last one is
    repeated until there are as many as the next size: one step of 100 rows instead of three of 64, 32 and 4.
    """

    __slots__ = ("_again", "_sql")

    def __init__(self, sql: str, *, width: int, again: bool = False) -> None:
        row = f"({','.join('?' * width)})"
        sizes = _FINER if again else _SIZES
        self._again = again
        self._sql = {size: sql.replace("{rows}", ",".join([row] * size)) for size in sizes}

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Execute for all rows, in order."""
        for group in self.groups(rows):
            self.execute(connection, group)

    def groups(self, rows: Sequence[R]) -> Iterator[Sequence[R]]:
        """The rows in order, in groups for one step each."""
        start, left = 0, len(rows)
        if self._again:
            for start in range(0, left, _FINER[-1]):
                yield rows[start : start + _FINER[-1]]
            return
        for size in _SIZES:
            while left >= size:
                yield rows[start : start + size]
                start += size
                left -= size

    def execute(self, connection: sqlite3.Connection, group: Sequence[Row]) -> sqlite3.Cursor:
        """Execute for one group of :meth:`groups`."""
        values = list(chain.from_iterable(group))
        size = len(group)
        if size not in self._sql:
            size = _FINER[bisect_left(_FINER, size)]
            values += group[-1] * (size - len(group))
        return connection.execute(self._sql[size], values)


def _delete(table: str, key: str) -> RowsStatement:
    # CROSS JOIN fixes the order: for each row given, look it up. A plain "(idx, id) IN (VALUES ...)" of several
    # rows scans the table.
    return RowsStatement(
        f"DELETE FROM {table} WHERE seq IN (SELECT {table}.seq FROM (VALUES {{rows}}) AS gone CROSS JOIN {table}"
        f" ON {table}.idx = gone.column1 AND {table}.{key} = gone.column2)",
        width=2,
        again=True,
    )


TAKE = RowsStatement(
    "UPDATE sessions SET epoch = claim.column3,"
    " active_ms = CASE WHEN claim.column8 THEN active_ms ELSE claim.column5 END,"
    " active_min = CASE WHEN claim.column8 THEN active_min ELSE claim.column5 / 60000 END,"
    " expires_ms = CASE WHEN claim.column8 THEN expires_ms"
    f" ELSE min(created_ms + claim.column7, claim.column5 + claim.column6, {NEVER_MS}) END"
    " FROM (VALUES {rows}) AS claim"
    " WHERE sessions.agent = claim.column1 AND sessions.session = claim.column2"
    " AND (claim.column4 IS NULL OR sessions.owner = claim.column4)"
    " AND (sessions.expires_ms <= claim.column5) = claim.column8"
    " RETURNING agent, session, idx, created_ms, active_ms, expires_ms",
    width=8,
)
"""Rows ``(agent, session, epoch, owner or None, now_ms, idle_ms, age_ms, expired)``: the one place where owners are
compared. Returns the sessions that were claimed."""

MAKE = RowsStatement(
    "INSERT INTO sessions (idx, agent, session, epoch, created_ms, active_ms, active_min, owner, expires_ms) VALUES {rows}"
    " ON CONFLICT (agent, session) DO NOTHING"
    " RETURNING agent, session, idx, created_ms, active_ms, expires_ms",
    width=9,
)
"""Rows ``(epoch, agent, session, epoch, now_ms, now_ms, minute, owner, expires_ms)``. Returns the sessions that were made."""

FENCE = RowsStatement(
    "UPDATE sessions SET active_ms = writer.column3, expires_ms = writer.column4 FROM (VALUES {rows}) AS writer"
    " WHERE sessions.idx = writer.column1 AND sessions.epoch = writer.column2",
    width=4,
    again=True,
)
"""Rows ``(idx, epoch, now_ms, expires_ms)``: the one place where an old writer is recognised."""

SET_MINUTE = RowsStatement(
    "UPDATE sessions SET active_min = given.column2 FROM (VALUES {rows}) AS given"
    " WHERE sessions.idx = given.column1 AND sessions.active_min <> given.column2",
    width=2,
    again=True,
)
"""Rows ``(idx, minute)``: a session moves in the list by activity once a minute, not with every commit."""

NEW_HOUR = RowsStatement(
    "SELECT sessions.idx, sessions.created_ms, sessions.active_hour FROM (VALUES {rows}) AS had CROSS JOIN sessions"
    " ON sessions.idx = had.column1 WHERE sessions.active_hour < had.column2",
    width=2,
)
"""Rows ``(idx, hour)``: the sessions that had no turn in that hour or a later one."""

SET_HOUR = RowsStatement(
    "UPDATE sessions SET active_hour = given.column2 FROM (VALUES {rows}) AS given WHERE sessions.idx = given.column1",
    width=2,
    again=True,
)

SET_OWNER = RowsStatement(
    "UPDATE sessions SET owner = given.column2 FROM (VALUES {rows}) AS given WHERE sessions.idx = given.column1",
    width=2,
    again=True,
)
PARK = RowsStatement(
    "UPDATE sessions SET parked = given.column2 FROM (VALUES {rows}) AS given WHERE sessions.idx = given.column1",
    width=2,
    again=True,
)
ADD_TOTALS = RowsStatement(
    "UPDATE sessions SET turns = turns + used.column2, errors = errors + used.column3,"
    " input_tokens = input_tokens + used.column4, output_tokens = output_tokens + used.column5,"
    " cost_nano = cost_nano + used.column6 FROM (VALUES {rows}) AS used WHERE sessions.idx = used.column1",
    width=6,
    again=True,
)
"""These three update a session once, whatever number of rows it has among those given: give one row for each."""

_SUMS = (
    "turns",
    "errors",
    "aborted",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    "calls",
    "tools",
    "duration_ms",
    "first_ms",
    "first_count",
)
"""The fields of ``Sums`` (ports.analytics), in its order."""

ADD_USAGE = RowsStatement(
    f"INSERT INTO usage_days (day, owner, agent, model, {', '.join(_SUMS)}) VALUES {{rows}}"
    " ON CONFLICT (day, owner, agent, model) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS),
    width=15,
)

DELETE_EXPIRED = RowsStatement(
    "DELETE FROM sessions WHERE idx IN (SELECT sessions.idx FROM (VALUES {rows}) AS gone CROSS JOIN sessions"
    " ON sessions.agent = gone.column1 AND sessions.session = gone.column2 AND sessions.expires_ms <= gone.column3)",
    width=3,
)
COUNT_EXPIRED = RowsStatement(
    "SELECT sessions.agent,"
    " (SELECT count(*) FROM messages WHERE messages.idx = sessions.idx),"
    " (SELECT count(*) FROM turns WHERE turns.idx = sessions.idx)"
    " FROM (VALUES {rows}) AS gone CROSS JOIN sessions"
    " ON sessions.agent = gone.column1 AND sessions.session = gone.column2 AND sessions.expires_ms <= gone.column3",
    width=3,
)
"""Rows ``(agent, session, now_ms)``, of addresses that differ: agent, messages and turns of each that would be
removed."""

NOTE = RowsStatement(
    "INSERT INTO audit (at_ms, actor, action, agent, session, peer, detail, count) VALUES {rows}", width=8
)

PUT_GRANT = RowsStatement(
    "INSERT INTO grants (idx, grantee, mode, created_ms, expires_ms) VALUES {rows} ON CONFLICT (idx, grantee)"
    " DO UPDATE SET mode = excluded.mode, created_ms = excluded.created_ms, expires_ms = excluded.expires_ms",
    width=5,
    again=True,
)
DELETE_GRANT = _delete("grants", "grantee")

PUT_MESSAGE = RowsStatement(
    "INSERT INTO messages (idx, id, body) VALUES {rows} ON CONFLICT (idx, id) DO UPDATE SET body = excluded.body",
    width=3,
    again=True,
)
DELETE_MESSAGE = _delete("messages", "id")
CLEAR_MESSAGES = RowsStatement("DELETE FROM messages WHERE idx IN (VALUES {rows})", width=1, again=True)

PUT_STATE = RowsStatement(
    "INSERT INTO states (idx, body) VALUES {rows} ON CONFLICT (idx) DO UPDATE SET body = excluded.body",
    width=2,
    again=True,
)
DELETE_STATE = RowsStatement("DELETE FROM states WHERE idx IN (VALUES {rows})", width=1, again=True)

PUT_VALUE = RowsStatement(
    "INSERT INTO entries (idx, key, body) VALUES {rows} ON CONFLICT (idx, key) DO UPDATE SET body = excluded.body",
    width=3,
    again=True,
)
DELETE_VALUE = _delete("entries", "key")

PUT_TURN = RowsStatement(
    "INSERT INTO turns (idx, id, open, record) VALUES {rows}"
    " ON CONFLICT (idx, id) DO UPDATE SET open = excluded.open, record = excluded.record",
    width=4,
    again=True,
)
DELETE_TURN = _delete("turns", "id")

APPEND_CHUNKS = RowsStatement("INSERT INTO chunks (idx, turn, first, count, bodies) VALUES {rows}", width=5)
DROP_CHUNKS = _delete("chunks", "turn")
