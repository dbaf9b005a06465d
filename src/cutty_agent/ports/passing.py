"""A store that passes everything on to another one: what stands between sessions and their store builds on it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ..ids import Address
from ..wire.card import Card
from ..wire.principal import NEVER_MS
from .analytics import By, Period, Step, Totals, UsagePage
from .listing import Listing, SessionPage
from .store import (
    FOREVER,
    AuditEntry,
    AuditRow,
    Lifetime,
    Op,
    Removed,
    SessionRow,
    SessionStore,
    Snapshot,
    Spent,
    StoredTranscript,
    StoredTurn,
)


class PassingStore:
    """A ``SessionStore`` around ``inner``; subclasses change what they are about."""

    def __init__(self, inner: SessionStore) -> None:
        self.inner = inner

    def claim(
        self,
        address: Address,
        *,
        owner: str | None,
        now_ms: int,
        lifetime: Lifetime = FOREVER,
        create: bool = True,
        expired: bool = False,
    ) -> Awaitable[Snapshot]:
        return self.inner.claim(
            address, owner=owner, now_ms=now_ms, lifetime=lifetime, create=create, expired=expired
        )

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        return self.inner.commit(address, epoch, ops, now_ms=now_ms, expires_ms=expires_ms)

    def card(self, address: Address) -> Awaitable[Card | None]:
        return self.inner.card(address)

    def chunks(self, address: Address, turn: str) -> Awaitable[list[bytes]]:
        return self.inner.chunks(address, turn)

    def messages(self, address: Address) -> Awaitable[StoredTranscript | None]:
        return self.inner.messages(address)

    def state(self, address: Address) -> Awaitable[bytes | None]:
        return self.inner.state(address)

    def turns(self, address: Address) -> Awaitable[list[StoredTurn]]:
        return self.inner.turns(address)

    def interrupted(self) -> Awaitable[list[Address]]:
        return self.inner.interrupted()

    def sessions(
        self,
        *,
        agent: str | None = None,
        owner: str | None = None,
        idle_since_ms: int | None = None,
        parked: bool = False,
        after: Address | None = None,
        limit: int = 100,
    ) -> Awaitable[list[SessionRow]]:
        return self.inner.sessions(
            agent=agent, owner=owner, idle_since_ms=idle_since_ms, parked=parked, after=after, limit=limit
        )

    def expired(self, *, now_ms: int, limit: int) -> Awaitable[list[Address]]:
        return self.inner.expired(now_ms=now_ms, limit=limit)

    def delete(self, address: Address) -> Awaitable[Removed]:
        return self.inner.delete(address)

    def delete_expired(self, addresses: Sequence[Address], *, now_ms: int) -> Awaitable[Removed]:
        return self.inner.delete_expired(addresses, now_ms=now_ms)

    def scrub(self) -> Awaitable[bool]:
        return self.inner.scrub()

    def spent(self, *, day_ms: int, owner: str | None = None) -> Awaitable[Spent]:
        return self.inner.spent(day_ms=day_ms, owner=owner)

    def note(self, entries: Sequence[AuditEntry]) -> Awaitable[None]:
        return self.inner.note(entries)

    def audit(
        self,
        *,
        before: int | None = None,
        action: str | None = None,
        actor: str | None = None,
        address: Address | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int = 100,
    ) -> Awaitable[list[AuditRow]]:
        return self.inner.audit(
            before=before,
            action=action,
            actor=actor,
            address=address,
            from_ms=from_ms,
            to_ms=to_ms,
            limit=limit,
        )

    def forget_audit(self, *, before_ms: int) -> Awaitable[int]:
        return self.inner.forget_audit(before_ms=before_ms)

    def revoke(self, key: str, *, until_ms: int, now_ms: int) -> Awaitable[None]:
        return self.inner.revoke(key, until_ms=until_ms, now_ms=now_ms)

    def revocations(self, *, now_ms: int) -> Awaitable[dict[str, int]]:
        return self.inner.revocations(now_ms=now_ms)

    def sample(self, *, at_ms: int, running: int, sockets: int) -> Awaitable[None]:
        return self.inner.sample(at_ms=at_ms, running=running, sockets=sockets)

    def periods(
        self, *, step: Step, from_ms: int, to_ms: int, agent: str | None = None
    ) -> Awaitable[list[Period]]:
        return self.inner.periods(step=step, from_ms=from_ms, to_ms=to_ms, agent=agent)

    def usage(
        self,
        *,
        by: By,
        from_ms: int,
        to_ms: int,
        agent: str | None = None,
        owner: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Awaitable[UsagePage]:
        return self.inner.usage(
            by=by, from_ms=from_ms, to_ms=to_ms, agent=agent, owner=owner, after=after, limit=limit
        )

    def totals(self) -> Awaitable[Totals]:
        return self.inner.totals()

    def browse(self, listing: Listing) -> Awaitable[SessionPage]:
        return self.inner.browse(listing)

    def check(self) -> Awaitable[list[str]]:
        return self.inner.check()

    def close(self) -> Awaitable[None]:
        return self.inner.close()
