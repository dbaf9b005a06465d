"""Many commits at once."""

from __future__ import annotations

import asyncio

from ...ids import Address
from ...ports.store import (
    AppendChunks,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionStore,
    StoredMessage,
    StoredTurn,
)
from .rule import ADA, ME, NOW, ids, rule


@rule
async def commits_of_a_session_apply_in_the_order_of_the_calls(store: SessionStore) -> None:
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    answers = [
        store.commit(
            ADA,
            claim.epoch,
            [PutState(b"%d" % n), PutMessage(f"m{n}", b"{}"), AppendChunks("t", n, (b"%d" % n,))],
            now_ms=NOW + n,
        )
        for n in range(50)
    ]
    for answer in reversed(answers):
        await answer
    assert (await store.sessions())[0].active_ms == NOW + 49
    found = await store.claim(ADA, owner=ME, now_ms=NOW)
    assert found.state == b"49"
    assert ids(found) == [f"m{n}" for n in range(50)]
    assert await store.chunks(ADA, "t") == [b"%d" % n for n in range(50)]


@rule
async def a_commit_is_queued_when_it_is_called(store: SessionStore) -> None:
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    early = store.commit(ADA, claim.epoch, [PutMessage("early", b"{}")], now_ms=NOW)
    next_claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    assert ids(next_claim) == ["early"]
    await early


@rule
async def a_cancelled_waiter_does_not_undo_its_commit(store: SessionStore) -> None:
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)

    async def wait() -> None:
        await store.commit(ADA, claim.epoch, [PutMessage("m1", b"{}")], now_ms=NOW)

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)  # it has called commit and waits
    waiter.cancel()
    await asyncio.wait([waiter])
    await store.commit(ADA, claim.epoch, [PutMessage("m2", b"{}")], now_ms=NOW)
    assert ids(await store.claim(ADA, owner=ME, now_ms=NOW)) == ["m1", "m2"]


@rule
async def sessions_do_not_see_each_other(store: SessionStore) -> None:
    addresses = [Address(agent, f"s{n}") for agent in ("chat", "chat-2", "s1") for n in range(20)]
    claims = await asyncio.gather(*(store.claim(address, owner=ME, now_ms=NOW) for address in addresses))

    async def write(address: Address, epoch: int) -> None:
        name = str(address).encode()
        for n in range(3):
            ops: list[Op] = [
                PutMessage("m", b'"%s"' % name),
                PutState(name),
                PutValue("k", name),
                PutTurn("t", name, open=True),
                AppendChunks("t", n, (name,)),
            ]
            await store.commit(address, epoch, ops, now_ms=NOW)

    await asyncio.gather(*(write(a, claim.epoch) for a, claim in zip(addresses, claims, strict=True)))
    gone = addresses[7]
    assert (await store.delete(gone)).sessions == 1
    for address in addresses:
        name, found = str(address).encode(), await store.claim(address, owner=ME, now_ms=NOW)
        if address == gone:
            assert found.created
            continue
        assert found.messages == [StoredMessage("m", b'"%s"' % name)]
        assert (found.state, found.values) == (name, {"k": name})
        assert found.turns == [StoredTurn("t", name, True)]
        assert await store.chunks(address, "t") == [name] * 3
