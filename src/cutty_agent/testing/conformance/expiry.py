"""When a session ends, and what an end means."""

from __future__ import annotations

import asyncio

from ...errors import BadRequest, NotFound, NotOwner, SessionExpired, StaleEpoch
from ...ids import Address
from ...ports.store import Lifetime, Op, PutGrant, PutMessage, PutTurn, Removed, SessionStore
from ...wire.card import Card, Grant
from ...wire.principal import NEVER_MS
from .rule import (
    ADA,
    BOB,
    EVERYTHING,
    ME,
    NOW,
    Opener,
    assert_everything,
    committed,
    refused,
    restart_rule,
    rule,
)

SHORT = Lifetime(idle_ms=100, age_ms=250)


async def ended(store: SessionStore, address: Address = ADA, *, at_ms: int = NOW + 100) -> int:
    """A session with everything in it that ends at ``at_ms``; its epoch."""
    claim = await store.claim(address, owner=ME, now_ms=NOW)
    await store.commit(address, claim.epoch, EVERYTHING, now_ms=NOW, expires_ms=at_ms)
    return claim.epoch


@rule
async def a_claim_and_a_commit_say_when_the_session_ends(store: SessionStore) -> None:
    made = await store.claim(ADA, owner=ME, now_ms=NOW, lifetime=SHORT)
    assert made.card == Card(ME, NOW, NOW, NOW + 100)
    again = await store.claim(ADA, owner=ME, now_ms=NOW + 99, lifetime=SHORT)
    assert again.card == Card(ME, NOW, NOW + 99, NOW + 199)
    aged = await store.claim(ADA, owner=ME, now_ms=NOW + 190, lifetime=SHORT)
    assert aged.card == Card(ME, NOW, NOW + 190, NOW + 250)
    await store.commit(ADA, aged.epoch, [], now_ms=NOW + 200, expires_ms=NOW + 300)
    assert await store.card(ADA) == Card(ME, NOW, NOW + 200, NOW + 300)
    await store.commit(ADA, aged.epoch, [], now_ms=NOW + 201)
    assert await store.card(ADA) == Card(ME, NOW, NOW + 201, NEVER_MS)
    assert [row.expires_ms for row in await store.sessions()] == [NEVER_MS]
    forever = await store.claim(ADA, owner=ME, now_ms=NOW + 202, lifetime=Lifetime(2**62, 2**63 - 1))
    assert forever.card.expires_ms == NEVER_MS


@rule
async def an_expired_session_is_neither_claimed_nor_loaded(store: SessionStore) -> None:
    epoch = await ended(store)
    rows = await store.sessions()
    for owner in (ME, None):
        for create in (True, False):
            for now_ms in (NOW + 100, NOW + 10**9):
                await refused(store.claim(ADA, owner=owner, now_ms=now_ms, create=create), SessionExpired)
    await refused(store.claim(ADA, owner="user:bob", now_ms=NOW + 100), NotOwner)  # tells the least
    assert await store.sessions() == rows  # the rows are still there, unchanged
    card = await store.card(ADA)
    assert card == Card(ME, NOW, NOW, NOW + 100)
    found = await store.messages(ADA)
    assert found is not None
    assert found.card == card
    await store.commit(ADA, epoch, [], now_ms=NOW + 150, expires_ms=NOW + 100)  # its last turn may be ending
    assert_everything(await store.claim(ADA, owner=ME, now_ms=NOW + 99))


@rule
async def an_expired_session_can_be_claimed_to_wind_it_up(store: SessionStore) -> None:
    epoch = await ended(store)
    found = await store.claim(ADA, owner=None, now_ms=NOW + 500, lifetime=SHORT, expired=True)
    assert_everything(found)
    assert found.card == Card(ME, NOW, NOW, NOW + 100)
    await refused(store.commit(ADA, epoch, [], now_ms=NOW + 500), StaleEpoch)
    await store.commit(
        ADA, found.epoch, [PutMessage("m3", b"{}")], now_ms=NOW + 501, expires_ms=found.card.expires_ms
    )
    await refused(store.claim(ADA, owner=ME, now_ms=NOW + 502), SessionExpired)
    assert await store.expired(now_ms=NOW + 502, limit=9) == [ADA]


@rule
async def a_session_that_lives_is_not_wound_up(store: SessionStore) -> None:
    epoch = await ended(store)
    await refused(store.claim(ADA, owner=None, now_ms=NOW + 99, expired=True), SessionExpired)
    await refused(store.claim(BOB, owner=None, now_ms=NOW + 99, expired=True), NotFound)
    await store.commit(ADA, epoch, [], now_ms=NOW + 99, expires_ms=NOW + 199)
    await refused(store.claim(ADA, owner=None, now_ms=NOW + 198, expired=True), SessionExpired)
    await refused(store.claim(ADA, owner="user:bob", now_ms=NOW + 199, expired=True), NotOwner)
    assert await store.card(BOB) is None


@rule
async def expired_lists_what_has_ended_in_the_order_of_the_ends(store: SessionStore) -> None:
    addresses = [Address("chat", f"s{n}") for n in range(5)]
    for address, end in zip(addresses, (300, 100, 500, 200, NEVER_MS), strict=True):
        claim = await store.claim(address, owner=ME, now_ms=0)
        await store.commit(address, claim.epoch, [], now_ms=0, expires_ms=end)
    assert await store.expired(now_ms=99, limit=1000) == []
    assert await store.expired(now_ms=300, limit=1000) == [addresses[1], addresses[3], addresses[0]]
    assert await store.expired(now_ms=300, limit=2) == [addresses[1], addresses[3]]
    assert await store.expired(now_ms=NEVER_MS - 1, limit=1000) == [addresses[n] for n in (1, 3, 0, 2)]
    for limit in (0, 1001):
        await refused(store.expired(now_ms=300, limit=limit), BadRequest)


@rule
async def only_what_is_still_expired_is_removed(store: SessionStore) -> None:
    gone, alive, back = (Address("chat", name) for name in ("gone", "alive", "back"))
    old = await ended(store, gone)
    await ended(store, alive, at_ms=NOW + 101)
    active = await ended(store, back)
    found = await store.expired(now_ms=NOW + 100, limit=10)
    assert sorted(found) == [back, gone]
    await store.commit(back, active, [], now_ms=NOW + 100, expires_ms=NOW + 200)  # its last turn ended late
    asked = [*found, alive, Address("chat", "unknown"), gone]
    removed = await store.delete_expired(asked, now_ms=NOW + 100)
    assert removed == Removed(sessions=1, messages=2, turns=2)
    assert [row.address for row in await store.sessions()] == [alive, back]
    assert await store.chunks(gone, "t2") == []
    await refused(store.commit(gone, old, [], now_ms=NOW + 100), StaleEpoch)
    await store.commit(back, active, [], now_ms=NOW + 100)
    assert await store.delete_expired([], now_ms=NOW) == Removed()
    assert await store.check() == []


@rule
async def many_expired_sessions_are_removed_between_the_commits_of_others(store: SessionStore) -> None:
    addresses = [Address("chat", f"s{n:04}") for n in range(300)]

    async def make(address: Address) -> None:
        claim = await store.claim(address, owner=ME, now_ms=NOW)
        ops: list[Op] = [
            PutMessage("m", b"{}"),
            PutTurn("t", b"{}", open=True),
            PutGrant("user:x", Grant("read", NOW)),
        ]
        await store.commit(address, claim.epoch, ops, now_ms=NOW, expires_ms=NOW + 1)

    await asyncio.gather(*map(make, addresses))
    live = await store.claim(ADA, owner=ME, now_ms=NOW)
    removal = asyncio.ensure_future(store.delete_expired(addresses, now_ms=NOW + 1))
    for n in range(20):
        await store.commit(ADA, live.epoch, [PutMessage(f"m{n}", b"{}")], now_ms=NOW + 1)
    assert await removal == Removed(sessions=300, messages=300, turns=300)
    assert [(row.address, row.messages) for row in await store.sessions()] == [(ADA, 20)]
    assert (await store.expired(now_ms=NOW + 1, limit=10), await store.interrupted()) == ([], [])
    assert await store.check() == []


@rule
async def a_removed_session_can_be_made_again_by_anybody(store: SessionStore) -> None:
    epoch = await ended(store)
    await store.delete_expired([ADA], now_ms=NOW + 100)
    again = await store.claim(ADA, owner="user:bob", now_ms=NOW + 101)
    assert (again.created, again.card) == (True, Card("user:bob", NOW + 101, NOW + 101))
    assert again.epoch > epoch
    assert again.messages == []


@rule
async def scrubbing_keeps_what_was_not_removed(store: SessionStore) -> None:
    mine = await committed(store, *EVERYTHING)
    await ended(store, BOB)
    await store.delete(BOB)
    assert await store.scrub() is True
    await store.commit(ADA, mine.epoch, [], now_ms=NOW)
    assert_everything(await store.claim(ADA, owner=ME, now_ms=NOW))
    assert await store.check() == []


@restart_rule
async def ends_survive_a_restart(opener: Opener) -> None:
    store = await opener()
    await ended(store)
    await store.close()
    store = await opener()
    await refused(store.claim(ADA, owner=ME, now_ms=NOW + 100), SessionExpired)
    assert await store.expired(now_ms=NOW + 100, limit=1) == [ADA]
    await store.close()
