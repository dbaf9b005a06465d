"""What can be read from the tables, on any connection."""

from __future__ import annotations

import sqlite3

from ...errors import BadRequest, StoreCorrupt
from ...ids import Address
from ...ports.store import SessionRow, Snapshot, StoredMessage, StoredTurn

_PAGE = """
    SELECT agent, session, created_ms, active_ms,
        (SELECT count(*) FROM messages WHERE messages.idx = sessions.idx),
        (SELECT count(*) FROM turns WHERE turns.idx = sessions.idx AND turns.open = 1)
    FROM sessions WHERE {agent} (agent, session) > (?, ?) ORDER BY agent, session LIMIT ?
"""
_ALL_AGENTS = _PAGE.format(agent="")
_ONE_AGENT = _PAGE.format(agent="agent = ? AND")

_ORPHANS = ("messages", "turns", "chunks", "states", "entries")


def find(connection: sqlite3.Connection, address: Address) -> int | None:
    """The integer index of a session; ``None`` when it does not exist."""
    row = connection.execute(
        "SELECT idx FROM sessions WHERE agent = ? AND session = ?", (address.agent, address.session)
    ).fetchone()
    return None if row is None else int(row[0])


def session(connection: sqlite3.Connection, address: Address, *, only: int | None = None) -> Snapshot | None:
    """What a session holds, all of one moment; ``None`` when it does not exist. ``created`` is false.

    ``epoch`` is that of its latest owner. With ``only``, a session of this address that has another integer index
    (because the former was deleted and a new one made) counts as not existing.
    """
    connection.execute("BEGIN")
    try:
        row = connection.execute(
            "SELECT idx, epoch, created_ms FROM sessions WHERE agent = ? AND session = ?",
            (address.agent, address.session),
        ).fetchone()
        if row is None or (only is not None and row[0] != only):
            return None
        idx, epoch, created_ms = row
        state = connection.execute("SELECT body FROM states WHERE idx = ?", (idx,)).fetchone()
        values = connection.execute("SELECT key, body FROM entries WHERE idx = ?", (idx,)).fetchall()
        return Snapshot(
            epoch=epoch,
            created=False,
            created_ms=created_ms,
            messages=_messages(connection, idx),
            state=None if state is None else state[0],
            values=dict(values),
            turns=_turns(connection, idx),
        )
    finally:
        connection.execute("COMMIT")


def messages(connection: sqlite3.Connection, address: Address) -> list[StoredMessage] | None:
    """The transcript; ``None`` when the session does not exist."""
    idx = find(connection, address)
    return None if idx is None else _messages(connection, idx)


def turns(connection: sqlite3.Connection, address: Address) -> list[StoredTurn]:
    """The turn records in the order of first insertion; empty when the session does not exist."""
    idx = find(connection, address)
    return [] if idx is None else _turns(connection, idx)


def chunks(connection: sqlite3.Connection, address: Address, turn: str) -> list[bytes]:
    """The stored chunk bodies of a turn, in order.

    Raises:
        StoreCorrupt: a pack does not hold as many bodies as it says.
    """
    idx = find(connection, address)
    if idx is None:
        return []
    bodies: list[bytes] = []
    for first, count, packed in connection.execute(
        "SELECT first, count, bodies FROM chunks WHERE idx = ? AND turn = ? ORDER BY first, seq", (idx, turn)
    ).fetchall():
        pack = packed.split(b"\n")
        if len(pack) != count:
            raise StoreCorrupt(
                f"The stored stream {turn} of {address} is damaged at chunk {first}.",
                remedy="Restore a backup, or delete this session.",
            )
        bodies += pack
    return bodies


def interrupted(connection: sqlite3.Connection) -> list[Address]:
    """Sessions with an open turn."""
    rows = connection.execute(
        "SELECT agent, session FROM sessions WHERE idx IN (SELECT idx FROM turns WHERE open = 1)"
    )
    return [Address(agent, session) for agent, session in rows.fetchall()]


def sessions(
    connection: sqlite3.Connection, agent: str | None, after: Address | None, limit: int
) -> list[SessionRow]:
    """A page of sessions ordered by address.

    Raises:
        BadRequest: ``limit`` is not 1 to 1000.
    """
    if not 1 <= limit <= 1000:
        raise BadRequest(f"limit is {limit}.", remedy="Ask for 1 to 1000 sessions a page.")
    start = (after.agent, after.session) if after else ("", "")
    if agent is None:
        rows = connection.execute(_ALL_AGENTS, (*start, limit))
    else:
        rows = connection.execute(_ONE_AGENT, (agent, *start, limit))
    return [SessionRow(Address(row[0], row[1]), *row[2:]) for row in rows.fetchall()]


def problems(connection: sqlite3.Connection) -> list[str]:
    """What SQLite's full integrity check finds, and rows that belong to no session. Slow on a large database."""
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(100)").fetchall()]
    if found != ["ok"]:
        return found
    return [
        f"{count} rows of {table} belong to no session"
        for table in _ORPHANS
        if (
            count := connection.execute(
                f"SELECT count(*) FROM {table} WHERE idx NOT IN (SELECT idx FROM sessions)"
            ).fetchone()[0]
        )
    ]


def _messages(connection: sqlite3.Connection, idx: int) -> list[StoredMessage]:
    rows = connection.execute("SELECT id, body FROM messages WHERE idx = ? ORDER BY seq", (idx,))
    return [StoredMessage(id, body) for id, body in rows.fetchall()]


def _turns(connection: sqlite3.Connection, idx: int) -> list[StoredTurn]:
    rows = connection.execute("SELECT id, record, open FROM turns WHERE idx = ? ORDER BY seq", (idx,))
    return [StoredTurn(id, record, bool(open)) for id, record, open in rows.fetchall()]
