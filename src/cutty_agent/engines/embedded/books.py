"""The books beside the sessions: the audit log and the revocations."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ...errors import BadRequest
from ...ids import Address
from ...ports.store import AuditEntry, AuditRow
from . import statements

FORGET_STEP = 500
"""Entries removed in one transaction, so that a long log does not hold up the sessions."""


def note(connection: sqlite3.Connection, entries: Sequence[AuditEntry]) -> None:
    """Add entries, numbered in this order."""
    rows = [
        (
            entry.at_ms,
            entry.actor,
            entry.action,
            entry.agent,
            entry.session,
            entry.peer,
            entry.detail,
            entry.count,
        )
        for entry in entries
    ]
    statements.NOTE.run(connection, rows)


def forget(connection: sqlite3.Connection, before_ms: int) -> int:
    """Remove entries older than this moment, at most :data:`FORGET_STEP`; how many."""
    return connection.execute(
        "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at_ms < ? LIMIT ?)",
        (before_ms, FORGET_STEP),
    ).rowcount


def page(
    connection: sqlite3.Connection,
    before: int | None,
    action: str | None,
    actor: str | None,
    address: Address | None,
    limit: int,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> list[AuditRow]:
    """Entries, newest first.

    Raises:
        BadRequest: ``limit`` is not 1 to 1000.
    """
    if not 1 <= limit <= 1000:
        raise BadRequest(f"limit is {limit}.", remedy="Ask for 1 to 1000 entries a page.")
    where: list[str] = []
    values: list[str | int] = []
    if before is not None:
        where.append("seq < ?")
        values.append(before)
    if action is not None and action.endswith("."):
        # The names with this beginning: "/" is the character after the dot.
        where.append("action >= ? AND action < ?")
        values += [action, action[:-1] + "/"]
    elif action is not None:
        where.append("action = ?")
        values.append(action)
    if actor is not None:
        where.append("actor = ?")
        values.append(actor)
    if address is not None:
        where.append("agent = ? AND agent <> '' AND session = ?")
        values += [address.agent, address.session]
    if from_ms is not None:
        where.append("at_ms >= ?")
        values.append(from_ms)
    if to_ms is not None:
        where.append("at_ms < ?")
        values.append(to_ms)
    condition = f"WHERE {' AND '.join(where)} " if where else ""
    rows = connection.execute(
        "SELECT seq, at_ms, actor, action, agent, session, peer, detail, count"
        f" FROM audit {condition}ORDER BY seq DESC LIMIT ?",
        (*values, limit),
    )
    return [AuditRow(seq, AuditEntry(*rest)) for seq, *rest in rows.fetchall()]


def revoke(connection: sqlite3.Connection, key: str, until_ms: int, now_ms: int) -> None:
    """Set the end of a revocation and forget those that have ended."""
    connection.execute(
        "INSERT INTO revocations VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET until_ms = excluded.until_ms",
        (key, until_ms),
    )
    connection.execute("DELETE FROM revocations WHERE until_ms <= ?", (now_ms,))


def revocations(connection: sqlite3.Connection, now_ms: int) -> dict[str, int]:
    """The revocations in force."""
    rows = connection.execute("SELECT key, until_ms FROM revocations WHERE until_ms > ?", (now_ms,))
    return dict(rows.fetchall())
