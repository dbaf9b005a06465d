"""A store that encrypts what it hands on to another one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from ...ids import Address
from ...ports.passing import PassingStore
from ...ports.store import (
    FOREVER,
    Lifetime,
    Op,
    SessionStore,
    Snapshot,
    StoredTranscript,
    StoredTurn,
)
from ...wire.principal import NEVER_MS
from .contents import Contents
from .keyring import Keyring

APART_BYTES: Final = 512 * 1024
"""More than this is decrypted in a thread: about a millisecond of work, and the loop has others to serve."""

T = TypeVar("T")
F = TypeVar("F")


class SealedStore(PassingStore):
    """A ``SessionStore`` that keeps the content of sessions encrypted (AES-256-GCM) in ``inner``.

    Encrypted are the bodies of messages, state, values and chunks, and turn records. Plain stay the things a store
    works with: agents and ids of sessions, messages and turns, keys of values, times, owners and shares, why a
    session is parked, counts and usage, the audit log, revocations; and how long each body is.

    Who can write to the inner store can still remove rows, or bring back older ones of the same place, and can put
    plain rows where none were encrypted before; nobody can read, alter or move one without the key.

    Bodies are encrypted in the moment of the call, before anything is awaited, as the port demands of commits. With a
    keyring that has no keys everything passes as it is, but an encrypted row is an error, never garbage.
    Besides what ``inner`` raises, reading raises ``KeyMissing`` and ``StoreCorrupt``; both name the key.
    """

    def __init__(self, inner: SessionStore, keyring: Keyring) -> None:
        super().__init__(inner)
        self._keyring = keyring

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
        found = await self.inner.claim(
            address, owner=owner, now_ms=now_ms, lifetime=lifetime, create=create, expired=expired
        )
        held = (
            *(row.body for row in found.messages),
            *(row.record for row in found.turns),
            found.state or b"",
        )
        return await _open(self._contents(address).snapshot, found, (*held, *found.values.values()))

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        sealed = ops if self._keyring.first is None else self._contents(address).seal(ops)
        return self.inner.commit(address, epoch, sealed, now_ms=now_ms, expires_ms=expires_ms)

    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        found = await self.inner.chunks(address, turn)
        contents = self._contents(address)
        return await _open(lambda bodies: contents.chunks(turn, bodies), found, found)

    async def messages(self, address: Address) -> StoredTranscript | None:
        found = await self.inner.messages(address)
        if found is None:
            return None
        rows = await _open(
            self._contents(address).messages, found.messages, (row.body for row in found.messages)
        )
        return msgspec.structs.replace(found, messages=rows)

    async def state(self, address: Address) -> bytes | None:
        found = await self.inner.state(address)
        return await _open(self._contents(address).state, found, (found or b"",))

    async def turns(self, address: Address) -> list[StoredTurn]:
        found = await self.inner.turns(address)
        return await _open(self._contents(address).turns, found, (row.record for row in found))

    def _contents(self, address: Address) -> Contents:
        return Contents(self._keyring, address)


async def _open(opener: Callable[[F], T], found: F, bodies: Iterable[bytes]) -> T:
    """Decrypt what was found, in a thread when it is much."""
    if sum(map(len, bodies)) <= APART_BYTES:
        return opener(found)
    return await asyncio.to_thread(opener, found)
