"""The reference implementation of the store: what the port says, in the most obvious way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from ...errors import BadRequest, StaleEpoch, StoreUnavailable
from ...ids import Address
from ...ports.store import (
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    DropChunks,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionRow,
    Snapshot,
    StoredMessage,
    StoredTurn,
)


class MemorySession:
    """What is kept of one session. Dictionaries keep the order of first insertion, which is the order wanted."""

    def __init__(self, epoch: int, now_ms: int) -> None:
        self.epoch = epoch
        self.created_ms = now_ms
        self.active_ms = now_ms
        self.messages: dict[str, bytes] = {}
        self.state: bytes | None = None
        self.values: dict[str, bytes] = {}
        self.turns: dict[str, StoredTurn] = {}
        self.chunks: dict[str, list[AppendChunks]] = {}

    def apply(self, op: Op) -> None:
        """Carry out one operation."""
        match op:
            case PutMessage(id=id, body=body):
                self.messages[id] = body
            case DeleteMessages(ids=ids):
                for id in ids:
                    self.messages.pop(id, None)
            case ClearMessages():
                self.messages.clear()
            case PutState(body=state):
                self.state = state
            case PutValue(key=key, body=None):
                self.values.pop(key, None)
            case PutValue(key=key, body=bytes() as value):
                self.values[key] = value
            case PutTurn(id=id, record=record, open=open):
                self.turns[id] = StoredTurn(id, record, open)
            case DeleteTurns(ids=ids):
                for id in ids:
                    self.turns.pop(id, None)
                    self.chunks.pop(id, None)
            case AppendChunks(turn=turn):
                self.chunks.setdefault(turn, []).append(op)
            case DropChunks(turns=turns):
                for turn in turns:
                    self.chunks.pop(turn, None)

    @property
    def open_turns(self) -> int:
        return sum(turn.open for turn in self.turns.values())

    def snapshot(self, *, created: bool) -> Snapshot:
        """A copy: later commits do not show in it."""
        return Snapshot(
            epoch=self.epoch,
            created=created,
            created_ms=self.created_ms,
            messages=self.transcript(),
            state=self.state,
            values=dict(self.values),
            turns=list(self.turns.values()),
        )

    def transcript(self) -> list[StoredMessage]:
        return [StoredMessage(id, body) for id, body in self.messages.items()]


class MemoryStore:
    """A ``SessionStore`` that forgets everything with the process; "durable" here means applied.

    Not thread-safe: for one event loop.
    """

    def __init__(self) -> None:
        self._sessions: dict[Address, MemorySession] = {}
        self._epoch = 0
        self._closed = False

    def reopened(self) -> MemoryStore:
        """A new store on the same sessions, as a restarted process would find them."""
        other = type(self)()
        other._sessions, other._epoch = self._sessions, self._epoch
        return other

    async def claim(self, address: Address, *, now_ms: int) -> Snapshot:
        self._open()
        self._epoch += 1
        session = self._sessions.get(address)
        if session is None:
            session = self._sessions[address] = MemorySession(self._epoch, now_ms)
            return session.snapshot(created=True)
        session.epoch = self._epoch
        return session.snapshot(created=False)

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._apply(address, epoch, ops, now_ms)
        except (StaleEpoch, StoreUnavailable) as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)
        return answer

    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int) -> None:
        self._open()
        session = self._sessions.get(address)
        if session is None or session.epoch != epoch:
            raise StaleEpoch(
                f"Session {address} has another owner now, or was deleted.",
                remedy="Claim the session again before writing to it.",
            )
        for op in ops:
            session.apply(op)
        session.active_ms = now_ms

    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        self._open()
        session = self._sessions.get(address)
        packs = session.chunks.get(turn, []) if session else []
        return [body for pack in sorted(packs, key=lambda pack: pack.first) for body in pack.bodies]

    async def messages(self, address: Address) -> list[StoredMessage] | None:
        self._open()
        session = self._sessions.get(address)
        return session.transcript() if session else None

    async def turns(self, address: Address) -> list[StoredTurn]:
        self._open()
        session = self._sessions.get(address)
        return list(session.turns.values()) if session else []

    async def interrupted(self) -> list[Address]:
        self._open()
        return [address for address, session in self._sessions.items() if session.open_turns]

    async def sessions(
        self, *, agent: str | None = None, after: Address | None = None, limit: int = 100
    ) -> list[SessionRow]:
        self._open()
        if not 1 <= limit <= 1000:
            raise BadRequest(f"limit is {limit}.", remedy="Ask for 1 to 1000 sessions a page.")
        page = [
            SessionRow(
                address, session.created_ms, session.active_ms, len(session.messages), session.open_turns
            )
            for address, session in sorted(self._sessions.items(), key=lambda item: item[0])
            if (agent is None or address.agent == agent) and (after is None or address > after)
        ]
        return page[:limit]

    async def delete(self, address: Address) -> bool:
        self._open()
        return self._sessions.pop(address, None) is not None

    async def check(self) -> list[str]:
        self._open()
        return []

    async def close(self) -> None:
        self._closed = True

    def _open(self) -> None:
        if self._closed:
            raise StoreUnavailable("The store is closed.", remedy="Open it again before using it.")
