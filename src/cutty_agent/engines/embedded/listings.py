"""What can be read across sessions, on any connection."""

from __future__ import annotations

import sqlite3

from ...errors import BadRequest
from ...ids import Address
from ...ports.store import SessionRow
from ...wire.principal import NEVER_MS

_ROW = """
    SELECT agent, session, created_ms, active_ms,
        (SELECT count(*) FROM messages WHERE messages.idx = sessions.idx),
        (SELECT count(*) FROM turns WHERE turns.idx = sessions.idx AND turns.open = 1),
        owner, expires_ms, parked, turns, errors, input_tokens, output_tokens, cost_nano
    FROM sessions WHERE {where} ORDER BY agent, session LIMIT ?
"""

_OF_SESSIONS = ("messages", "turns", "chunks", "states", "entries", "grants")


def page(
    *,
    agent: str | None,
    owner: str | None,
    idle_since_ms: int | None,
    parked: bool,
    after: Address | None,
    limit: int,
) -> tuple[str, tuple[str | int, ...]]:
    """The statement for a page of sessions, and its values.

    Every form of it walks along an index in the order of the addresses: nothing is sorted, and the rows are counted
    of the sessions of the page alone.
    """
    where: list[str] = []
    values: list[str | int] = []
    if owner is not None:
        # The index of owners leaves out the sessions of nobody; the second condition says that it may be used.
        where.append("owner = ? AND owner <> ''" if owner else "owner = ?")
        values.append(owner)
    if agent is None:
        where.append("(agent, session) > (?, ?)")
        values += [after.agent, after.session] if after else ["", ""]
    else:
        where.append("agent = ? AND session > ?")
        values += [agent, after.session if after and after.agent == agent else ""]
        if after and after.agent > agent:
            where.append("0")
    if idle_since_ms is not None:
        where.append("active_ms < ?")
        values.append(idle_since_ms)
    if parked:
        where.append("parked IS NOT NULL")
    return _ROW.format(where=" AND ".join(where)), (*values, limit)


def sessions(
    connection: sqlite3.Connection,
    *,
    agent: str | None,
    owner: str | None,
    idle_since_ms: int | None,
    parked: bool,
    after: Address | None,
    limit: int,
) -> list[SessionRow]:
    """A page of sessions ordered by address.

    Raises:
        BadRequest: ``limit`` is not 1 to 1000.
    """
    _check(limit)
    sql, values = page(
        agent=agent, owner=owner, idle_since_ms=idle_since_ms, parked=parked, after=after, limit=limit
    )
    rows = connection.execute(sql, values).fetchall()
    return [SessionRow(Address(agent, session), *rest) for agent, session, *rest in rows]


def interrupted(connection: sqlite3.Connection) -> list[Address]:
    """Sessions with an open turn."""
    rows = connection.execute(
        "SELECT agent, session FROM sessions WHERE idx IN (SELECT idx FROM turns WHERE open = 1)"
    )
    return [Address(agent, session) for agent, session in rows.fetchall()]


def expired(connection: sqlite3.Connection, now_ms: int, limit: int) -> list[Address]:
    """Sessions that have expired, those first that expired first.

    Raises:
        BadRequest: ``limit`` is not 1 to 1000.
    """
    _check(limit)
    rows = connection.execute(
        f"SELECT agent, session FROM sessions WHERE expires_ms <= ? AND expires_ms < {NEVER_MS}"
        " ORDER BY expires_ms LIMIT ?",
        (now_ms, limit),
    )
    return [Address(agent, session) for agent, session in rows.fetchall()]


def problems(connection: sqlite3.Connection) -> list[str]:
    """What SQLite's full integrity check finds, and rows that belong to no session. Slow on a large database."""
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(100)").fetchall()]
    if found != ["ok"]:
        return found
    return [
        f"{count} rows of {table} belong to no session"
        for table in _OF_SESSIONS
        if (
            count := connection.execute(
                f"SELECT count(*) FROM {table} WHERE idx NOT IN (SELECT idx FROM sessions)"
            ).fetchone()[0]
        )
    ]


def _check(limit: int) -> None:
    if not 1 <= limit <= 1000:
        raise BadRequest(f"limit is {limit}.", remedy="Ask for 1 to 1000 sessions a page.")
