"""The operations of many commits, sorted into few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from ...ports.store import (
    AddUsage,
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    DropChunks,
    Op,
    Park,
    PutGrant,
    PutMessage,
    PutOwner,
    PutState,
    PutTurn,
    PutValue,
)
from ...wire.card import Grant
from . import statements
from .hours import Hours
from .statements import Row, RowsStatement
from .usage import Usage


class TableChanges:
    """Statements for one table, run after run.

    Only the order within a session matters, so a row joins the first run of its statement that does not come
    before what its session already has here.
    """

    __slots__ = ("_position", "_runs")

    def __init__(self) -> None:
        self._runs: list[tuple[RowsStatement, list[Row]]] = []
        self._position: dict[int, int] = {}

    def add(self, idx: int, statement: RowsStatement, rows: Iterable[Row]) -> None:
        for at in range(self._position.get(idx, 0), len(self._runs)):
            if self._runs[at][0] is statement:
                self._runs[at][1].extend(rows)
                self._position[idx] = at
                return
        self._position[idx] = len(self._runs)
        self._runs.append((statement, list(rows)))

    def write(self, connection: sqlite3.Connection) -> None:
        for statement, rows in self._runs:
            statement.run(connection, rows)


class Changes:
    """Everything that the commits of a round change, but the times of their sessions."""

    __slots__ = (
        "_chunks",
        "_entries",
        "_grants",
        "_hours",
        "_latest",
        "_messages",
        "_owners",
        "_parked",
        "_states",
        "_turns",
        "_usage",
    )

    def __init__(self, hours: Hours | None, latest: dict[int, int]) -> None:
        """For :class:`Usage`."""
        self._hours = hours
        self._latest = latest
        self._messages = TableChanges()
        self._turns = TableChanges()
        self._chunks = TableChanges()
        self._states = TableChanges()
        self._entries = TableChanges()
        self._grants = TableChanges()
        # Of these a session has one, and the last word counts.
        self._owners: dict[int, str] = {}
        self._parked: dict[int, str | None] = {}
        self._usage: Usage | None = None

    def add(self, idx: int, agent: str, ops: Sequence[Op]) -> None:
        """Append the operations of a commit of the session of this agent with this index."""
        for op in ops:
            self._add(idx, agent, op)

    def _add(self, idx: int, agent: str, op: Op) -> None:
        match op:
            case AppendChunks(turn=turn, first=first, bodies=bodies):
                if bodies:
                    batch = (idx, turn, first, len(bodies), pack(bodies))
                    self._chunks.add(idx, statements.APPEND_CHUNKS, (batch,))
            case PutMessage(id=id, body=body):
                self._messages.add(idx, statements.PUT_MESSAGE, ((idx, id, body),))
            case PutTurn(id=id, record=record, open=open):
                self._turns.add(idx, statements.PUT_TURN, ((idx, id, int(open), record),))
            case DropChunks(turns=turns):
                self._chunks.add(idx, statements.DROP_CHUNKS, [(idx, turn) for turn in turns])
            case DeleteTurns(ids=ids):
                rows = [(idx, id) for id in ids]
                self._turns.add(idx, statements.DELETE_TURN, rows)
                self._chunks.add(idx, statements.DROP_CHUNKS, rows)
            case PutState(body=None):
                self._states.add(idx, statements.DELETE_STATE, ((idx,),))
            case PutState(body=bytes() as state):
                self._states.add(idx, statements.PUT_STATE, ((idx, state),))
            case PutValue(key=key, body=None):
                self._entries.add(idx, statements.DELETE_VALUE, ((idx, key),))
            case PutValue(key=key, body=bytes() as value):
                self._entries.add(idx, statements.PUT_VALUE, ((idx, key, value),))
            case DeleteMessages(ids=ids):
                self._messages.add(idx, statements.DELETE_MESSAGE, [(idx, id) for id in ids])
            case ClearMessages():
                self._messages.add(idx, statements.CLEAR_MESSAGES, ((idx,),))
            case AddUsage():
                self._usage = self._usage or Usage(self._hours, self._latest)
                self._usage.add(idx, agent, op)
            case PutGrant(grantee=grantee, grant=None):
                self._grants.add(idx, statements.DELETE_GRANT, ((idx, grantee),))
            case PutGrant(grantee=grantee, grant=Grant() as grant):
                row = (idx, grantee, grant.mode, grant.created_ms, grant.expires_ms)
                self._grants.add(idx, statements.PUT_GRANT, (row,))
            case PutOwner(owner=owner):
                self._owners[idx] = owner
            case Park(reason=reason):
                self._parked[idx] = reason
            case _:
                raise TypeError(f"{type(op).__name__} with these fields is not an operation of the store")

    def write(self, connection: sqlite3.Connection) -> None:
        """Execute it all; the tables do not depend on each other."""
        for table in (self._messages, self._turns, self._chunks, self._states, self._entries, self._grants):
            table.write(connection)
        statements.SET_OWNER.run(connection, list(self._owners.items()))
        statements.PARK.run(connection, list(self._parked.items()))
        if self._usage is not None:
            self._usage.write(connection)


def pack(bodies: tuple[bytes, ...]) -> bytes:
    """Chunk bodies as one value.

    Raises:
        ValueError: a body holds a raw newline, which would come back as two bodies.
    """
    packed = b"\n".join(bodies)
    if packed.count(b"\n") != len(bodies) - 1:
        raise ValueError("a chunk body holds a raw newline")
    return packed
