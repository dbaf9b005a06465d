"""What an operator, and the owner of a session, does beyond talking: export, erase, park, expire, purge, revoke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog

from ..clock import Clock
from ..errors import BadRequest, NotFound
from ..ids import Address, new_request_id
from ..ports.identity import Identity
from ..ports.store import Removed, SessionRow, SessionStore
from ..session.audit import Audit
from ..session.gate import SessionGate
from ..session.registry import Registry
from ..wire.principal import NEVER_MS, OPERATOR
from . import archive
from .receipts import Purged, Receipt

log = structlog.get_logger("cutty_agent.admin")

PAGE: Final = 100
PAUSE_S: Final = 0.01
"""Between two sessions of a purge or of a principal's erasure, so that others' commits go between; seconds."""


class Operations:
    """Every action is in the audit log before it is carried out."""

    def __init__(
        self,
        gate: SessionGate,
        registry: Registry,
        store: SessionStore,
        audit: Audit,
        identity: Identity,
        clock: Clock,
    ) -> None:
        self._gate = gate
        self._registry = registry
        self._store = store
        self._audit = audit
        self._identity = identity
        self._clock = clock

    # -- export

    async def export_session(
        self, address: Address, *, actor: str = OPERATOR, peer: str = "", expired: bool | None = None
    ) -> AsyncIterator[bytes]:
        """All that is stored of a session, as the pieces of a ZIP; ``expired`` ones too, for an operator.

        Raises:
            NotFound: there is no such session.
        """
        pieces = await archive.export_session(
            self._store,
            address,
            now_ms=self._clock.now_ms(),
            expired=actor == OPERATOR if expired is None else expired,
        )
        await self._audit.acted("session.exported", address, actor=actor, peer=peer)
        return pieces

    async def export_owner(
        self, owner: str, *, actor: str = OPERATOR, peer: str = ""
    ) -> AsyncIterator[bytes]:
        """All sessions of a principal, as the pieces of a ZIP.

        Raises:
            NotFound: it owns none.
        """
        pieces = await archive.export_owner(self._store, owner, now_ms=self._clock.now_ms(), expired=True)
        await self._audit.acted("principal.exported", actor=actor, peer=peer, detail=owner)
        return pieces

    # -- erasure

    async def erase_session(self, address: Address, *, actor: str = OPERATOR, peer: str = "") -> Receipt:
        """Remove a session with all it held, from the store's files too. What it consumed stays in the sums.

        Raises:
            NotFound: there is no such session.
        """
        if await self._store.card(address) is None and address not in self._registry.slots:
            raise NotFound(
                f"There is no session {address}.", remedy="cutty-agent sessions ls lists those there are."
            )
        await self._audit.acted("session.erased", address, actor=actor, peer=peer)
        removed = await self._gate.delete(address)
        return await self._receipt(str(address), removed)

    async def erase_owner(self, owner: str, *, actor: str = OPERATOR, peer: str = "") -> Receipt:
        """Remove every session a principal owns. Shares it has of the sessions of others are theirs to end.

        Raises:
            NotFound: it owns none.
        """
        total = Removed()
        await self._audit.acted("principal.erased", actor=actor, peer=peer, detail=owner)
        while page := await self._store.sessions(owner=owner, limit=PAGE):
            for row in page:
                total = _sum(total, await self._gate.delete(row.address))
                await asyncio.sleep(PAUSE_S)
        if not total.sessions:
            raise NotFound(
                f"{owner[:80]} owns no session.",
                remedy="cutty-agent sessions ls shows owners; a user is user:{id}.",
            )
        return await self._receipt(owner, total)

    async def _receipt(self, subject: str, removed: Removed) -> Receipt:
        return Receipt(
            new_request_id(),
            subject,
            removed.sessions,
            removed.messages,
            removed.turns,
            self._clock.now_ms(),
            await self._store.scrub(),
        )

    # -- lifetimes

    async def purge(
        self,
        *,
        older_than_ms: int,
        agent: str | None = None,
        dry_run: bool = False,
        actor: str = OPERATOR,
        peer: str = "",
    ) -> AsyncIterator[Purged]:
        """Remove sessions without activity for that long, page by page; one that is active meanwhile stays.

        Sessions that are open in a window now are left alone. With ``dry_run`` they are only counted.
        """
        if older_than_ms <= 0:
            raise BadRequest("older_than is not positive.", remedy="Give a time such as 30d.")
        idle_since = self._clock.now_ms() - older_than_ms
        if not dry_run:
            days = f"{older_than_ms / 86_400_000:g} days"
            await self._audit.acted(
                "sessions.purged",
                actor=actor,
                peer=peer,
                detail=f"Idle for {days}, agent {agent or 'any'}.",
            )
        return self._purge(idle_since, agent, dry_run)

    async def _purge(self, idle_since_ms: int, agent: str | None, dry_run: bool) -> AsyncIterator[Purged]:
        found, total, after = 0, Removed(), None
        while page := await self._store.sessions(
            agent=agent, idle_since_ms=idle_since_ms, after=after, limit=PAGE
        ):
            for row in page:
                after = row.address
                if self._in_use(row, idle_since_ms):
                    continue
                found += 1
                if not dry_run:
                    total = _sum(total, await self._gate.delete(row.address))
                    await asyncio.sleep(PAUSE_S)
            yield Purged(found, total.sessions, total.messages)
        if not dry_run and total.sessions:
            await self._store.scrub()
        yield Purged(found, total.sessions, total.messages, done=True)

    def _in_use(self, row: SessionRow, idle_since_ms: int) -> bool:
        slot = self._registry.slots.get(row.address)
        return slot is not None and (bool(slot.connections) or slot.actor is not None)

    async def expire(self, address: Address, *, actor: str = OPERATOR, peer: str = "") -> None:
        """End a session now: its agent winds it up, then it is removed.

        Raises:
            NotFound: there is no such session.
        """
        await self._audit.acted("session.expired", address, actor=actor, peer=peer)
        await self._gate.expire(address)

    async def park(
        self, address: Address, reason: str | None, *, actor: str = OPERATOR, peer: str = ""
    ) -> None:
        """Let no turn of a session run for now, or (``None``) let it run again.

        Raises:
            NotFound: there is no such session.
        """
        action = "session.parked" if reason is not None else "session.unparked"
        await self._audit.acted(action, address, actor=actor, peer=peer, detail=reason or "")
        await self._gate.park(address, reason)

    # -- callers

    async def revoke(self, key: str, until_ms: int | None, *, actor: str = OPERATOR, peer: str = "") -> int:
        """Refuse a principal or a token (by its ``jti``) from now on; how many open sockets were closed."""
        if not key or len(key) > 200:
            raise BadRequest(
                f"The key has {len(key)} characters; the limit is 1 to 200.",
                remedy="Give a principal such as user:anna, or the jti of a token.",
            )
        ends = NEVER_MS if until_ms is None else until_ms
        self._identity.revoke(key, ends)
        await self._audit.acted("principal.revoked", actor=actor, peer=peer, detail=key)
        await self._store.revoke(key, until_ms=ends, now_ms=self._clock.now_ms())
        return self._registry.expel(self._identity)


def _sum(one: Removed, other: Removed) -> Removed:
    return Removed(one.sessions + other.sessions, one.messages + other.messages, one.turns + other.turns)
