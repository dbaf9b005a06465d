"""Claims, epochs, and the fence against old owners."""

from __future__ import annotations

import asyncio

from ...errors import StaleEpoch
from ...ids import Address
from ...ports.store import (
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionStore,
    StoredMessage,
)
from .rule import ADA, BOB, EVERYTHING, ME, NOW, committed, empty, refused, rule, transcript


@rule
async def a_first_claim_makes_an_empty_session(store: SessionStore) -> None:
    first = await store.claim(ADA, owner=ME, now_ms=NOW)
    assert first == empty(first.epoch, created=True)
    second = await store.claim(ADA, owner=ME, now_ms=NOW + 5)
    assert second == empty(second.epoch, created=False, active_ms=NOW + 5)


@rule
async def every_claim_has_a_larger_epoch(store: SessionStore) -> None:
    epochs = [(await store.claim(ADA, owner=ME, now_ms=NOW)).epoch for _ in range(5)]
    together = await asyncio.gather(*(store.claim(ADA, owner=ME, now_ms=NOW) for _ in range(5)))
    assert epochs == sorted(set(epochs))
    assert len({claim.epoch for claim in together}) == 5
    assert min(claim.epoch for claim in together) > epochs[-1]


@rule
async def of_claims_made_together_only_the_latest_may_write(store: SessionStore) -> None:
    claims = await asyncio.gather(*(store.claim(ADA, owner=ME, now_ms=NOW) for _ in range(5)))
    assert [claim.created for claim in claims].count(True) == 1
    latest = max(claim.epoch for claim in claims)
    for claim in claims:
        answer = store.commit(ADA, claim.epoch, [PutMessage(f"m{claim.epoch}", b"{}")], now_ms=NOW)
        await (answer if claim.epoch == latest else refused(answer, StaleEpoch))
    assert await transcript(store) == [StoredMessage(f"m{latest}", b"{}")]


@rule
async def a_stale_writer_is_refused_and_leaves_no_trace(store: SessionStore) -> None:
    old = await store.claim(ADA, owner=ME, now_ms=NOW)
    new = await store.claim(ADA, owner=ME, now_ms=NOW)
    await store.commit(ADA, new.epoch, [PutMessage("m1", b'"new"'), PutState(b"1")], now_ms=NOW)
    rows = await store.sessions()
    late: list[list[Op]] = [
        [PutMessage("m1", b'"old"'), PutState(b"2")],
        [PutState(None), PutValue("k", b"1"), PutTurn("t", b"{}", open=True)],
        [AppendChunks("t", 0, (b"{}",)), ClearMessages()],
        [DeleteMessages(("m1",))],
        [],
    ]
    for ops in late:
        await refused(store.commit(ADA, old.epoch, ops, now_ms=NOW + 9), StaleEpoch)
    assert await store.sessions() == rows
    assert await store.chunks(ADA, "t") == []
    found = await store.claim(ADA, owner=ME, now_ms=NOW)
    assert found.messages == [StoredMessage("m1", b'"new"')]
    assert (found.state, found.values, found.turns) == (b"1", {}, [])


@rule
async def an_epoch_that_was_never_given_is_refused(store: SessionStore) -> None:
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    for epoch in (0, claim.epoch - 1, claim.epoch + 1):
        await refused(store.commit(ADA, epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)
    await refused(store.commit(BOB, claim.epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)
    assert await transcript(store) == []
    assert await store.messages(BOB) is None


@rule
async def one_refused_commit_does_not_harm_others_of_the_same_moment(store: SessionStore) -> None:
    addresses = [Address("chat", f"s{n}") for n in range(12)]
    old = [await store.claim(address, owner=ME, now_ms=NOW) for address in addresses]
    owners = [
        claim if n % 3 else await store.claim(address, owner=ME, now_ms=NOW)
        for n, (address, claim) in enumerate(zip(addresses, old, strict=True))
    ]
    answers = await asyncio.gather(
        *(
            store.commit(address, claim.epoch, [PutMessage("m", b"{}")], now_ms=NOW + 1)
            for address, claim in zip(addresses, old, strict=True)
        ),
        return_exceptions=True,
    )
    for n, (answer, address, owner) in enumerate(zip(answers, addresses, owners, strict=True)):
        assert isinstance(answer, StaleEpoch) if n % 3 == 0 else answer is None
        assert await transcript(store, address) == ([StoredMessage("m", b"{}")] if n % 3 else [])
        await store.commit(address, owner.epoch, [], now_ms=NOW + 2)


@rule
async def a_snapshot_does_not_change_afterwards(store: SessionStore) -> None:
    snapshot = await committed(store, *EVERYTHING)
    messages, values, turns = list(snapshot.messages), dict(snapshot.values), list(snapshot.turns)
    changes: list[Op] = [ClearMessages(), PutState(None), PutValue("owner", None), DeleteTurns(("t1",))]
    await store.commit(ADA, snapshot.epoch, changes, now_ms=NOW)
    assert (snapshot.messages, snapshot.values, snapshot.turns) == (messages, values, turns)
