"""A data directory under its lock, with the same operations that a server has, and nobody connected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..access.authenticator import Anyone
from ..admin.operations import Operations
from ..clock import Clock, SystemClock
from ..config import Settings
from ..engines.embedded.store import open_store
from ..engines.sealed import Keyring, SealedStore
from ..errors import SessionExpired
from ..ids import Address
from ..ports.store import Lifetime, Park, SessionStore
from ..session.audit import Audit
from ..session.gate import SessionGate
from ..session.registry import Registry
from ..wire.card import Card
from ..wire.principal import NEVER_MS
from . import logs
from .operator import unknown


class Locked:
    """What can be done without an agent. Every change is in the audit log before it is made."""

    def __init__(
        self, store: SessionStore, operations: Operations, gate: SessionGate, audit: Audit, clock: Clock
    ) -> None:
        self.operations = operations
        self._store = store
        self._gate = gate
        self._audit = audit
        self._clock = clock

    async def delete(self, addresses: list[Address]) -> list[tuple[Address, bool]]:
        """Remove each, from the files too; false for one that did not exist."""
        done = []
        for address in addresses:
            there = await self._store.card(address) is not None
            if there:
                await self._audit.acted("session.erased", address)
                await self._gate.delete(address)
            done.append((address, there))
        if any(there for _, there in done):
            await self._store.scrub()
        return done

    async def park(self, address: Address, reason: str | None) -> None:
        """Note why no turn may run, or (``None``) that they may again.

        Raises:
            NotFound: there is no such session; SessionExpired: it has expired.
        """
        card = await self._living(address)
        await self._audit.acted(
            "session.parked" if reason is not None else "session.unparked", address, detail=reason or ""
        )
        epoch = await self._claim(address, card)
        await self._store.commit(
            address, epoch, [Park(reason)], now_ms=card.active_ms, expires_ms=card.expires_ms
        )

    async def expire(self, address: Address) -> None:
        """Put a session out of reach; the next server winds it up and removes it.

        Raises:
            NotFound: there is no such session; SessionExpired: it has expired.
        """
        card = await self._living(address)
        await self._audit.acted("session.expired", address)
        epoch = await self._claim(address, card)
        await self._store.commit(address, epoch, [], now_ms=card.active_ms, expires_ms=self._clock.now_ms())

    async def _living(self, address: Address) -> Card:
        card = await self._store.card(address)
        if card is None:
            raise unknown(address)
        if card.expires_ms <= self._clock.now_ms():
            raise SessionExpired(
                f"The session {address} has expired.",
                remedy="The next start of the server removes it; cutty-agent sessions rm does so now.",
            )
        return card

    async def _claim(self, address: Address, card: Card) -> int:
        """The right to write, as of the session's last activity: an operator's look makes it neither younger nor
        longer lived."""
        lifetime = Lifetime(idle_ms=min(card.expires_ms - card.active_ms, NEVER_MS))
        snapshot = await self._store.claim(
            address, owner=None, now_ms=card.active_ms, lifetime=lifetime, create=False
        )
        return snapshot.epoch


@asynccontextmanager
async def open_locked(settings: Settings, keyring: Keyring) -> AsyncIterator[Locked]:
    """Hold the data directory.

    Raises:
        DataDirectoryInUse: a server, or another command, does.
    """
    clock = SystemClock()
    with logs.quiet():
        # Sealed also without keys: what is encrypted is then an error, not garbage.
        store = SealedStore(await open_store(settings.data), keyring)
        audit = Audit(store, clock)
        try:
            registry = Registry(store, {}, settings, clock, audit=audit)
            gate = SessionGate(registry)
            operations = Operations(gate, registry, store, audit, _Revoking(), clock)
            yield Locked(store, operations, gate, audit, clock)
        finally:
            await audit.close()
            await store.close()


class _Revoking(Anyone):
    """Nobody is connected here; the store keeps what is revoked for the next server."""

    def revoke(self, key: str, until_ms: int) -> None:
        pass
