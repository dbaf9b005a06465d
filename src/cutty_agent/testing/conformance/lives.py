"""Lists, deletes and restarts."""

from __future__ import annotations

import asyncio

from ...errors import BadRequest, StaleEpoch, StoreUnavailable
from ...ids import Address
from ...ports.store import (
    AuditEntry,
    ClearMessages,
    DeleteTurns,
    PutMessage,
    PutState,
    PutTurn,
    Removed,
    SessionRow,
    SessionStore,
    StoredMessage,
)
from ...wire.card import Card
from .rule import (
    ADA,
    BOB,
    EVERYTHING,
    ME,
    NOW,
    Opener,
    assert_everything,
    committed,
    empty,
    ids,
    refused,
    restart_rule,
    rule,
)


@rule
async def interrupted_lists_the_sessions_with_an_open_turn(store: SessionStore) -> None:
    await committed(store, PutTurn("t1", b"{}", open=True), PutTurn("t2", b"{}", open=True))
    bob = await committed(store, PutTurn("t1", b"{}", open=False), address=BOB)
    assert await store.interrupted() == [ADA]
    await store.commit(BOB, bob.epoch, [PutTurn("t1", b"{}", open=True)], now_ms=NOW)
    assert sorted(await store.interrupted()) == [ADA, BOB]
    await committed(store, PutTurn("t1", b"{}", open=False), DeleteTurns(("t2",)))
    assert await store.interrupted() == [BOB]
    await store.delete(BOB)
    assert await store.interrupted() == []


@rule
async def sessions_are_listed_by_address_in_pages(store: SessionStore) -> None:
    addresses = [
        Address(agent, session) for agent in ("b", "a-1", "a") for session in ("Z", "a", "a.b", "10", "9")
    ]
    for n, address in enumerate(addresses):
        await store.claim(address, owner=ME, now_ms=NOW + n)
    seen: list[Address] = []
    while page := await store.sessions(after=seen[-1] if seen else None, limit=4):
        assert len(page) <= 4
        seen += [row.address for row in page]
    assert seen == sorted(addresses)
    assert [row.address for row in await store.sessions(agent="a")] == sorted(addresses[10:])
    assert [row.address for row in await store.sessions(agent="a", after=Address("a", "9"), limit=2)] == [
        Address("a", "Z"),
        Address("a", "a"),
    ]
    assert await store.sessions(agent="none") == []


@rule
async def a_listed_session_shows_its_counts_and_times(store: SessionStore) -> None:
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    assert await store.sessions() == [SessionRow(ADA, NOW, NOW, 0, 0, ME)]
    await store.commit(ADA, claim.epoch, EVERYTHING, now_ms=NOW + 7)
    assert await store.sessions() == [SessionRow(ADA, NOW, NOW + 7, 2, 1, ME)]
    await store.commit(ADA, claim.epoch, [], now_ms=NOW + 8)
    assert await store.sessions() == [SessionRow(ADA, NOW, NOW + 8, 2, 1, ME)]


@rule
async def a_page_has_1_to_1000_sessions(store: SessionStore) -> None:
    await store.claim(ADA, owner=ME, now_ms=NOW)
    for limit in (-1, 0, 1001):
        await refused(store.sessions(limit=limit), BadRequest)
    assert len(await store.sessions(limit=1)) == len(await store.sessions(limit=1000)) == 1


@rule
async def a_deleted_session_is_gone_and_its_owner_fenced(store: SessionStore) -> None:
    owner = await committed(store, *EVERYTHING)
    assert await store.delete(ADA) == Removed(sessions=1, messages=2, turns=2)
    assert await store.delete(ADA) == Removed()
    assert await store.card(ADA) is None
    assert await store.messages(ADA) is None
    assert await store.chunks(ADA, "t2") == []
    assert (await store.state(ADA), await store.turns(ADA)) == (None, [])
    assert (await store.sessions(), await store.interrupted()) == ([], [])
    await refused(store.commit(ADA, owner.epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)
    assert await store.messages(ADA) is None


@rule
async def a_session_made_again_is_empty_and_has_a_larger_epoch(store: SessionStore) -> None:
    owner = await committed(store, *EVERYTHING)
    await store.delete(ADA)
    again = await store.claim(ADA, owner=ME, now_ms=NOW + 5)
    assert again == empty(again.epoch, created=True, created_ms=NOW + 5, active_ms=NOW + 5)
    assert again.epoch > owner.epoch
    assert await store.chunks(ADA, "t2") == []
    await refused(store.commit(ADA, owner.epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)


@restart_rule
async def everything_survives_a_restart(opener: Opener) -> None:
    store = await opener()
    before = await committed(store, *EVERYTHING)
    rows = await store.sessions()
    await store.close()
    store = await opener()
    assert await store.sessions() == rows
    assert await store.interrupted() == [ADA]
    assert await store.chunks(ADA, "t2") == [b'{"n":0}', b'{"n":1}']
    found = await store.claim(ADA, owner=ME, now_ms=NOW + 1)
    assert_everything(found)
    assert (found.created, found.card) == (False, Card(ME, NOW, NOW + 1))
    assert found.epoch > before.epoch
    await refused(store.commit(ADA, before.epoch, [ClearMessages()], now_ms=NOW), StaleEpoch)
    assert await store.check() == []
    await store.close()


@restart_rule
async def epochs_of_deleted_sessions_are_remembered_over_a_restart(opener: Opener) -> None:
    store = await opener()
    before = await committed(store, PutMessage("m", b"{}"))
    await store.delete(ADA)
    await store.close()
    store = await opener()
    after = await store.claim(ADA, owner=ME, now_ms=NOW)
    assert (after.created, after.messages) == (True, [])
    assert after.epoch > before.epoch
    await store.close()


@restart_rule
async def close_finishes_what_is_queued_and_ends_the_rest(opener: Opener) -> None:
    store = await opener()
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    queued = [store.commit(ADA, claim.epoch, [PutMessage(f"m{n}", b"{}")], now_ms=NOW) for n in range(20)]
    await store.close()
    await store.close()
    for answer in queued:
        await answer
    await refused(store.claim(ADA, owner=ME, now_ms=NOW), StoreUnavailable)
    await refused(store.commit(ADA, claim.epoch, [ClearMessages()], now_ms=NOW), StoreUnavailable)
    for answer_too_late in (
        store.delete(ADA),
        store.delete_expired([ADA], now_ms=NOW),
        store.scrub(),
        store.note([AuditEntry(NOW, "operator", "session.erased")]),
        store.forget_audit(before_ms=NOW),
        store.revoke("jti", until_ms=NOW + 1, now_ms=NOW),
        store.card(ADA),
        store.messages(ADA),
        store.state(ADA),
        store.turns(ADA),
        store.chunks(ADA, "t"),
        store.interrupted(),
        store.sessions(),
        store.expired(now_ms=NOW, limit=1),
        store.spent(day_ms=NOW),
        store.spent(day_ms=NOW, owner=ME),
        store.audit(),
        store.revocations(now_ms=NOW),
        store.check(),
    ):
        await refused(answer_too_late, StoreUnavailable)
    store = await opener()
    assert ids(await store.claim(ADA, owner=ME, now_ms=NOW)) == [f"m{n}" for n in range(20)]
    await store.close()


@restart_rule
async def close_answers_a_claim_that_is_under_way(opener: Opener) -> None:
    store = await opener()
    await committed(store, PutMessage("m", b"{}"))
    claim = asyncio.ensure_future(store.claim(ADA, owner=ME, now_ms=NOW))
    await asyncio.sleep(0)  # it has called claim and waits
    await store.close()
    assert (await claim).messages == [StoredMessage("m", b"{}")]


@rule
async def a_sound_store_has_no_problems(store: SessionStore) -> None:
    owner = await committed(store, *EVERYTHING)
    await committed(store, *EVERYTHING, address=BOB)
    await store.delete(BOB)
    await store.commit(
        ADA, owner.epoch, [ClearMessages(), DeleteTurns(("t1", "t2")), PutState(None)], now_ms=NOW
    )
    assert await store.check() == []
