"""The reference implementation of the store: what the port says, in the most obvious way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from ...errors import BadRequest, NotFound, NotOwner, SessionExpired, StaleEpoch, StoreUnavailable
from ...ids import Address
from ...ports.analytics import By, Period, Step, Totals, UsagePage
from ...ports.listing import Listing, SessionPage
from ...ports.store import (
    FOREVER,
    AddUsage,
    AuditEntry,
    AuditRow,
    Lifetime,
    Op,
    Removed,
    SessionRow,
    Snapshot,
    Spent,
    StoredTranscript,
    StoredTurn,
)
from ...wire.card import Card
from ...wire.principal import NEVER_MS
from .analytics import Sample, SessionFact, TurnFact
from .books import MemoryBooks
from .browsing import browse
from .session import MemorySession


class MemoryStore:
    """A ``SessionStore`` that forgets everything with the process; "durable" here means applied.

    Not thread-safe: for one event loop.
    """

    def __init__(self) -> None:
        self._sessions: dict[Address, MemorySession] = {}
        self._books = MemoryBooks()
        self._epoch = 0
        self._closed = False

    def reopened(self) -> MemoryStore:
        """A new store on the same sessions, as a restarted process would find them."""
        other = type(self)()
        other._sessions, other._books, other._epoch = self._sessions, self._books, self._epoch
        return other

    async def claim(
        self,
        address: Address,
        *,
        owner: str | None,
        now_ms: int,
        lifetime: Lifetime = FOREVER,
        create: bool = True,
        expired: bool = False,
    ) -> Snapshot:
        self._open()
        session = self._sessions.get(address)
        if session is None:
            if expired or not create:
                raise NotFound(f"There is no session {address}.", remedy="Start a new session.")
            self._epoch += 1
            session = MemorySession(self._epoch, owner or "", now_ms, lifetime.end_ms(now_ms, now_ms))
            self._sessions[address] = session
            self._books.analytics.created.append(SessionFact(address.agent, now_ms))
            return session.snapshot(created=True)
        self._admit(address, session, owner, now_ms, expired=expired)
        self._epoch += 1
        session.epoch = self._epoch
        if not expired:
            session.active_ms = now_ms
            session.expires_ms = lifetime.end_ms(session.created_ms, now_ms)
        return session.snapshot(created=False)

    def _admit(
        self, address: Address, session: MemorySession, owner: str | None, now_ms: int, *, expired: bool
    ) -> None:
        if owner is not None and session.owner != owner:
            raise NotOwner(
                f"Session {address} belongs to another principal.", remedy="Use a session of your own."
            )
        if session.expired(now_ms) and not expired:
            raise SessionExpired(f"Session {address} has expired.", remedy="Start a new session.")
        if expired and not session.expired(now_ms):
            raise SessionExpired(f"Session {address} has not expired.", remedy="Leave it as it is.")

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._apply(address, epoch, ops, now_ms, expires_ms)
        except (StaleEpoch, StoreUnavailable) as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)
        return answer

    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int, expires_ms: int) -> None:
        self._open()
        session = self._sessions.get(address)
        if session is None or session.epoch != epoch:
            raise StaleEpoch(
                f"Session {address} has another owner now, or was deleted.",
                remedy="Claim the session again before writing to it.",
            )
        for op in ops:
            session.apply(op)
        used = [op for op in ops if isinstance(op, AddUsage)]
        self._books.used += used
        self._books.analytics.turns += [
            TurnFact(address.agent, session.made, session.created_ms, each) for each in used
        ]
        session.active_ms = now_ms
        session.expires_ms = expires_ms

    async def card(self, address: Address) -> Card | None:
        self._open()
        session = self._sessions.get(address)
        return session.card() if session else None

    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        self._open()
        session = self._sessions.get(address)
        packs = session.chunks.get(turn, []) if session else []
        return [body for pack in sorted(packs, key=lambda pack: pack.first) for body in pack.bodies]

    async def messages(self, address: Address) -> StoredTranscript | None:
        self._open()
        session = self._sessions.get(address)
        return StoredTranscript(session.card(), session.transcript()) if session else None

    async def state(self, address: Address) -> bytes | None:
        self._open()
        session = self._sessions.get(address)
        return session.state if session else None

    async def turns(self, address: Address) -> list[StoredTurn]:
        self._open()
        session = self._sessions.get(address)
        return list(session.turns.values()) if session else []

    async def interrupted(self) -> list[Address]:
        self._open()
        return [row.address for row in self._rows() if row.open_turns]

    async def sessions(
        self,
        *,
        agent: str | None = None,
        owner: str | None = None,
        idle_since_ms: int | None = None,
        parked: bool = False,
        after: Address | None = None,
        limit: int = 100,
    ) -> list[SessionRow]:
        self._open()
        _check(limit)
        page = [
            row
            for row in self._rows()
            if (agent is None or row.address.agent == agent)
            and (owner is None or row.owner == owner)
            and (idle_since_ms is None or row.active_ms < idle_since_ms)
            and (not parked or row.parked is not None)
            and (after is None or row.address > after)
        ]
        return page[:limit]

    def _rows(self) -> list[SessionRow]:
        return [session.row(address) for address, session in sorted(self._sessions.items(), key=_by_address)]

    async def expired(self, *, now_ms: int, limit: int) -> list[Address]:
        self._open()
        _check(limit)
        ended = [address for address, session in self._sessions.items() if session.expired(now_ms)]
        return sorted(ended, key=lambda address: self._sessions[address].expires_ms)[:limit]

    async def delete(self, address: Address) -> Removed:
        self._open()
        session = self._sessions.pop(address, None)
        return Removed(1, len(session.messages), len(session.turns)) if session else Removed()

    async def delete_expired(self, addresses: Sequence[Address], *, now_ms: int) -> Removed:
        self._open()
        ended = {address for address, session in self._sessions.items() if session.expired(now_ms)}
        leaving = ended.intersection(addresses)
        self._books.analytics.expired += [SessionFact(address.agent, now_ms) for address in leaving]
        gone = [self._sessions.pop(address) for address in leaving]
        return Removed(
            len(gone),
            sum(len(session.messages) for session in gone),
            sum(len(session.turns) for session in gone),
        )

    async def scrub(self) -> bool:
        self._open()
        return True  # there are no files

    async def spent(self, *, day_ms: int, owner: str | None = None) -> Spent:
        self._open()
        return self._books.spent(day_ms, owner)

    async def note(self, entries: Sequence[AuditEntry]) -> None:
        self._open()
        self._books.note(entries)

    async def audit(
        self,
        *,
        before: int | None = None,
        action: str | None = None,
        actor: str | None = None,
        address: Address | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        self._open()
        _check(limit)
        return self._books.page(before, action, actor, address, limit, from_ms, to_ms)

    async def forget_audit(self, *, before_ms: int) -> int:
        self._open()
        return self._books.forget(before_ms)

    async def revoke(self, key: str, *, until_ms: int, now_ms: int) -> None:
        self._open()
        self._books.revoke(key, until_ms, now_ms)

    async def revocations(self, *, now_ms: int) -> dict[str, int]:
        self._open()
        return self._books.revocations(now_ms)

    async def sample(self, *, at_ms: int, running: int, sockets: int) -> None:
        self._open()
        self._books.analytics.samples.append(Sample(at_ms, running, sockets))

    async def periods(
        self, *, step: Step, from_ms: int, to_ms: int, agent: str | None = None
    ) -> list[Period]:
        self._open()
        return self._books.analytics.periods(step, from_ms, to_ms, agent)

    async def usage(
        self,
        *,
        by: By,
        from_ms: int,
        to_ms: int,
        agent: str | None = None,
        owner: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> UsagePage:
        self._open()
        _check(limit)
        return self._books.analytics.usage(by, from_ms, to_ms, agent, owner, after, limit)

    async def totals(self) -> Totals:
        self._open()
        return Totals(
            len(self._sessions), sum(session.parked is not None for session in self._sessions.values())
        )

    async def browse(self, listing: Listing) -> SessionPage:
        self._open()
        _check(listing.limit)
        rows = [(session.made, session.row(address)) for address, session in self._sessions.items()]
        return browse(rows, listing)

    async def check(self) -> list[str]:
        self._open()
        return []

    async def close(self) -> None:
        self._closed = True

    def _open(self) -> None:
        if self._closed:
            raise StoreUnavailable("The store is closed.", remedy="Open it again before using it.")


def _by_address(item: tuple[Address, MemorySession]) -> Address:
    return item[0]


def _check(limit: int) -> None:
    if not 1 <= limit <= 1000:
        raise BadRequest(f"limit is {limit}.", remedy="Ask for 1 to 1000 lines a page.")
