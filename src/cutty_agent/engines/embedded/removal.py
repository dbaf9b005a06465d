"""Removing sessions: one at once, or expired ones in rounds that others hardly notice."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from ...ids import Address
from ...ports.store import Removed
from . import statements
from .hours import Hours
from .jobs import Purged
from .statements import Row

ROUND_S = 0.003
"""How long a round of removing expired sessions lasts before others may write, in seconds; at least one group is
removed in each. The transaction ends and syncs after it, so others wait about twice as long."""

GROUP = 8
"""Sessions removed by one statement."""


def delete(connection: sqlite3.Connection, address: Address) -> Removed:
    """Remove a session and all of its rows."""
    found = connection.execute(
        "SELECT idx, (SELECT count(*) FROM messages WHERE messages.idx = sessions.idx),"
        " (SELECT count(*) FROM turns WHERE turns.idx = sessions.idx)"
        " FROM sessions WHERE agent = ? AND session = ?",
        (address.agent, address.session),
    ).fetchone()
    if found is None:
        return Removed()
    idx, messages, turns = found
    connection.execute("DELETE FROM sessions WHERE idx = ?", (idx,))
    return Removed(1, messages, turns)


def purge(
    connection: sqlite3.Connection, addresses: Sequence[Address], now_ms: int, hours: Hours | None = None
) -> Purged:
    """Remove those of these sessions that have expired, group by group until the time of a round is over."""
    started = time.monotonic()
    rows: list[Row] = [(address.agent, address.session, now_ms) for address in dict.fromkeys(addresses)]
    sessions = messages = turns = done = 0
    while done < len(rows) and (done == 0 or time.monotonic() - started < ROUND_S):
        for group in statements.COUNT_EXPIRED.groups(rows[done : done + GROUP]):
            found = statements.COUNT_EXPIRED.execute(connection, group).fetchall()
            statements.DELETE_EXPIRED.execute(connection, group)
            for agent, its_messages, its_turns in found:
                sessions, messages, turns = sessions + 1, messages + its_messages, turns + its_turns
                if hours is not None:
                    hours.session("expired", agent, now_ms)
        done += GROUP
    left = tuple(Address(str(row[0]), str(row[1])) for row in rows[done:])
    return Purged(Removed(sessions, messages, turns), left)
