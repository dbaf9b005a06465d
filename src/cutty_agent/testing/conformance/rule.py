"""How a rule is registered, and what rules share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...ids import Address
from ...ports.store import (
    AppendChunks,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionStore,
    Snapshot,
    StoredMessage,
    StoredTurn,
)
from ...wire.card import Card

Opener = Callable[[], Awaitable[SessionStore]]
StoreRule = Callable[[Opener], Awaitable[None]]

STORE_RULES: dict[str, StoreRule] = {}
"""Every rule by its name."""

ADA = Address("chat", "ada")
BOB = Address("chat", "bob")
NOW = 1_790_000_000_000
ME = "user:ada"
"""Owns the sessions of rules that are not about owners."""

EVERYTHING: list[Op] = [
    PutMessage("m1", b'{"id":"m1"}'),
    PutMessage("m2", '{"id":"m2","text":"größer \U0001f991"}'.encode()),
    PutState(b'{"title":"Tea"}'),
    PutValue("owner", b'"u1"'),
    PutValue("schlüssel", b"2"),
    PutTurn("t1", b"\x00\xff opaque \n", open=False),
    PutTurn("t2", b"{}", open=True),
    AppendChunks("t2", 0, (b'{"n":0}', b'{"n":1}')),
]
"""One of each kind of row."""


def rule(
    law: Callable[[SessionStore], Awaitable[None]],
) -> Callable[[SessionStore], Awaitable[None]]:
    """Register a rule about one opened store."""

    async def opened(opener: Opener) -> None:
        store = await opener()
        try:
            await law(store)
        finally:
            await store.close()

    STORE_RULES[law.__name__] = opened
    return law


def restart_rule(law: StoreRule) -> StoreRule:
    """Register a rule that opens and closes by itself."""
    STORE_RULES[law.__name__] = law
    return law


def empty(epoch: int, *, created: bool, created_ms: int = NOW, active_ms: int = NOW) -> Snapshot:
    """A session of :data:`ME` that holds nothing, as a claim finds it."""
    return Snapshot(epoch, created, Card(ME, created_ms, active_ms), [], None, {}, [])


async def refused(answer: Awaitable[object], error: type[Exception]) -> None:
    try:
        await answer
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


async def committed(store: SessionStore, *ops: Op, address: Address = ADA) -> Snapshot:
    """Claim for :data:`ME`, commit the operations, claim again: the session as its next writer finds it."""
    claim = await store.claim(address, owner=ME, now_ms=NOW)
    await store.commit(address, claim.epoch, ops, now_ms=NOW)
    return await store.claim(address, owner=None, now_ms=NOW)


def ids(snapshot: Snapshot) -> list[str]:
    return [message.id for message in snapshot.messages]


async def transcript(store: SessionStore, address: Address = ADA) -> list[StoredMessage]:
    """The messages of a session that must be there."""
    found = await store.messages(address)
    assert found is not None
    return found.messages


def assert_everything(found: Snapshot) -> None:
    """The session holds what :data:`EVERYTHING` put there."""
    assert found.messages == [
        StoredMessage("m1", b'{"id":"m1"}'),
        StoredMessage("m2", '{"id":"m2","text":"größer \U0001f991"}'.encode()),
    ]
    assert found.state == b'{"title":"Tea"}'
    assert found.values == {"owner": b'"u1"', "schlüssel": b"2"}
    assert found.turns == [StoredTurn("t1", b"\x00\xff opaque \n", False), StoredTurn("t2", b"{}", True)]
