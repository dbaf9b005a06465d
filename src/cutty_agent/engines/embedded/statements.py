"""SQL that writes many rows in one step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeVar

Row = tuple[int | str | bytes, ...]
R = TypeVar("R", bound=Row)

_SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)


class RowsStatement:
    """One statement in which ``{rows}`` stands for a list of parenthesised rows.

    sqlite3 gives up the interpreter lock for every step, and taking it back from a busy event loop lasts up to
    the switch interval (5 ms): row by row, 200 inserts took 600 ms beside a busy loop. So rows go by the
    hundred, in a few sizes that all stay prepared.
    """

    __slots__ = ("_sql",)

    def __init__(self, sql: str, *, width: int) -> None:
        row = f"({','.join('?' * width)})"
        self._sql = {size: sql.replace("{rows}", ",".join([row] * size)) for size in _SIZES}

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Execute for all rows, in order."""
        for group in split(rows):
            self.execute(connection, group)

    def execute(self, connection: sqlite3.Connection, group: Sequence[Row]) -> sqlite3.Cursor:
        """Execute for one group that :func:`split` made."""
        return connection.execute(self._sql[len(group)], tuple(chain.from_iterable(group)))


def split(rows: Sequence[R]) -> Iterator[Sequence[R]]:
    """The rows in order, in groups of the sizes that have a prepared statement."""
    start, left = 0, len(rows)
    for size in _SIZES:
        while left >= size:
            yield rows[start : start + size]
            start += size
            left -= size


def _delete(table: str, key: str) -> RowsStatement:
    # CROSS JOIN fixes the order: for each row given, look it up. A plain "(idx, id) IN (VALUES ...)" of several
    # rows scans the table.
    return RowsStatement(
        f"DELETE FROM {table} WHERE seq IN (SELECT {table}.seq FROM (VALUES {{rows}}) AS gone CROSS JOIN {table}"
        f" ON {table}.idx = gone.column1 AND {table}.{key} = gone.column2)",
        width=2,
    )


CLAIM = RowsStatement(
    "INSERT INTO sessions (idx, agent, session, epoch, created_ms, active_ms) VALUES {rows}"
    " ON CONFLICT (agent, session) DO UPDATE SET epoch = excluded.epoch",
    width=6,
)
"""Rows ``(epoch, agent, session, epoch, now_ms, now_ms)``."""

CLAIMED = RowsStatement(
    "SELECT agent, session, idx, created_ms FROM (VALUES {rows}) AS asked CROSS JOIN sessions"
    " ON sessions.agent = asked.column1 AND sessions.session = asked.column2",
    width=2,
)

FENCE = RowsStatement(
    "UPDATE sessions SET active_ms = owner.column3 FROM (VALUES {rows}) AS owner"
    " WHERE sessions.idx = owner.column1 AND sessions.epoch = owner.column2",
    width=3,
)
"""Rows ``(idx, epoch, now_ms)``: the one place where an old owner is recognised."""

PUT_MESSAGE = RowsStatement(
    "INSERT INTO messages (idx, id, body) VALUES {rows} ON CONFLICT (idx, id) DO UPDATE SET body = excluded.body",
    width=3,
)
DELETE_MESSAGE = _delete("messages", "id")
CLEAR_MESSAGES = RowsStatement("DELETE FROM messages WHERE idx IN (VALUES {rows})", width=1)

PUT_STATE = RowsStatement(
    "INSERT INTO states (idx, body) VALUES {rows} ON CONFLICT (idx) DO UPDATE SET body = excluded.body",
    width=2,
)
DELETE_STATE = RowsStatement("DELETE FROM states WHERE idx IN (VALUES {rows})", width=1)

PUT_VALUE = RowsStatement(
    "INSERT INTO entries (idx, key, body) VALUES {rows} ON CONFLICT (idx, key) DO UPDATE SET body = excluded.body",
    width=3,
)
DELETE_VALUE = _delete("entries", "key")

PUT_TURN = RowsStatement(
    "INSERT INTO turns (idx, id, open, record) VALUES {rows}"
    " ON CONFLICT (idx, id) DO UPDATE SET open = excluded.open, record = excluded.record",
    width=4,
)
DELETE_TURN = _delete("turns", "id")

APPEND_CHUNKS = RowsStatement("INSERT INTO chunks (idx, turn, first, count, bodies) VALUES {rows}", width=5)
DROP_CHUNKS = _delete("chunks", "turn")
