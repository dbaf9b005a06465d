"""What can be read of one session, on any connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from ...errors import StoreCorrupt
from ...ids import Address
from ...ports.store import Snapshot, StoredMessage, StoredTranscript, StoredTurn
from ...wire.card import Card, Grant

T = TypeVar("T")


def find(connection: sqlite3.Connection, address: Address) -> int | None:
    """The integer index of a session; ``None`` when it does not exist."""
    row = connection.execute(
        "SELECT idx FROM sessions WHERE agent = ? AND session = ?", (address.agent, address.session)
    ).fetchone()
    return None if row is None else int(row[0])


def card(connection: sqlite3.Connection, address: Address) -> Card | None:
    """The card of a session; ``None`` when it does not exist."""
    return _of_one_moment(connection, address, lambda idx, epoch, card: card)


def session(connection: sqlite3.Connection, address: Address) -> Snapshot | None:
    """What a session holds, all of one moment; ``None`` when it does not exist. ``created`` is false.

    ``epoch`` is that of its latest writer.
    """
    return _of_one_moment(
        connection, address, lambda idx, epoch, card: _snapshot(connection, idx, epoch, card)
    )


def claimed(
    connection: sqlite3.Connection, address: Address, idx: int, owner: str | None
) -> Snapshot | Card | None:
    """What a session holds that was claimed for ``owner`` when it had this integer index.

    ``None`` when that session was deleted since, even if another was made. Only the card when it was given to
    another principal since: then what it holds is not read.
    """

    def answer(found: int, epoch: int, card: Card) -> Snapshot | Card | None:
        if found != idx:
            return None
        if owner is not None and card.owner != owner:
            return card
        return _snapshot(connection, idx, epoch, card)

    return _of_one_moment(connection, address, answer)


def messages(connection: sqlite3.Connection, address: Address) -> StoredTranscript | None:
    """The transcript; ``None`` when the session does not exist."""
    return _of_one_moment(
        connection, address, lambda idx, epoch, card: StoredTranscript(card, _messages(connection, idx))
    )


def state(connection: sqlite3.Connection, address: Address) -> bytes | None:
    """The state; ``None`` when there is none."""
    idx = find(connection, address)
    return None if idx is None else _state(connection, idx)


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


def _of_one_moment(
    connection: sqlite3.Connection, address: Address, answer: Callable[[int, int, Card], T]
) -> T | None:
    """What ``answer`` makes of the index, the epoch and the card of a session, reading in the same transaction."""
    connection.execute("BEGIN")
    try:
        row = connection.execute(
            "SELECT idx, epoch, owner, created_ms, active_ms, expires_ms, parked FROM sessions"
            " WHERE agent = ? AND session = ?",
            (address.agent, address.session),
        ).fetchone()
        if row is None:
            return None
        idx, epoch, owner, created_ms, active_ms, expires_ms, parked = row
        card = Card(owner, created_ms, active_ms, expires_ms, _grants(connection, idx), parked)
        return answer(idx, epoch, card)
    finally:
        connection.execute("COMMIT")


def _snapshot(connection: sqlite3.Connection, idx: int, epoch: int, card: Card) -> Snapshot:
    values = connection.execute("SELECT key, body FROM entries WHERE idx = ?", (idx,)).fetchall()
    return Snapshot(
        epoch=epoch,
        created=False,
        card=card,
        messages=_messages(connection, idx),
        state=_state(connection, idx),
        values=dict(values),
        turns=_turns(connection, idx),
    )


def _grants(connection: sqlite3.Connection, idx: int) -> dict[str, Grant]:
    rows = connection.execute(
        "SELECT grantee, mode, created_ms, expires_ms FROM grants WHERE idx = ?", (idx,)
    )
    return {grantee: Grant(*rest) for grantee, *rest in rows.fetchall()}


def _messages(connection: sqlite3.Connection, idx: int) -> list[StoredMessage]:
    rows = connection.execute("SELECT id, body FROM messages WHERE idx = ? ORDER BY seq", (idx,))
    return [StoredMessage(id, body) for id, body in rows.fetchall()]


def _state(connection: sqlite3.Connection, idx: int) -> bytes | None:
    row = connection.execute("SELECT body FROM states WHERE idx = ?", (idx,)).fetchone()
    return None if row is None else row[0]


def _turns(connection: sqlite3.Connection, idx: int) -> list[StoredTurn]:
    rows = connection.execute("SELECT id, record, open FROM turns WHERE idx = ? ORDER BY seq", (idx,))
    return [StoredTurn(id, record, bool(open)) for id, record, open in rows.fetchall()]
