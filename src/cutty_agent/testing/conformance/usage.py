"""What turns consumed, counted once."""

from __future__ import annotations

import asyncio

from ...errors import StaleEpoch
from ...ids import Address
from ...ports.store import AddUsage, PutOwner, SessionRow, SessionStore, Spent
from .rule import ADA, BOB, ME, NOW, Opener, committed, refused, restart_rule, rule

DAY_MS = 86_400_000
MIDNIGHT = NOW - NOW % DAY_MS


def used(
    tokens: int = 10, *, owner: str = ME, at_ms: int = NOW, outcome: str = "completed", model: str = "m"
) -> AddUsage:
    """A turn that read ``tokens``, wrote one and cost a hundred."""
    return AddUsage(
        owner, at_ms, outcome, model, tokens, 1, 100, calls=2, tools=1, first_ms=30, duration_ms=90
    )


@rule
async def a_session_shows_what_it_has_consumed(store: SessionStore) -> None:
    await committed(store, used(5), used(7, outcome="error", model="n"))
    await committed(store, AddUsage("user:x", NOW, "aborted"))
    row = SessionRow(
        ADA, NOW, NOW, 0, 0, ME, turns=3, errors=1, input_tokens=12, output_tokens=2, cost_nano=200
    )
    assert await store.sessions() == [row]
    await committed(store, address=BOB)
    assert (await store.sessions(after=ADA))[0].turns == 0


@rule
async def a_day_is_summed_up_by_owner_and_for_all(store: SessionStore) -> None:
    await committed(
        store, used(1, at_ms=MIDNIGHT), used(2, at_ms=MIDNIGHT + DAY_MS - 1), used(4, at_ms=MIDNIGHT + DAY_MS)
    )
    await committed(store, used(8, owner="user:bob", model="n"), used(16, model="n"), address=BOB)
    assert await store.spent(day_ms=NOW) == Spent(tokens=31, cost_nano=400)
    assert await store.spent(day_ms=NOW, owner=ME) == Spent(tokens=22, cost_nano=300)
    assert await store.spent(day_ms=MIDNIGHT, owner="user:bob") == Spent(tokens=9, cost_nano=100)
    assert await store.spent(day_ms=MIDNIGHT + DAY_MS, owner=ME) == Spent(tokens=5, cost_nano=100)
    assert await store.spent(day_ms=MIDNIGHT - 1) == await store.spent(day_ms=NOW, owner="user:x") == Spent()


@rule
async def usage_of_many_turns_at_once_is_counted_once_each(store: SessionStore) -> None:
    addresses = [Address("chat", f"s{n}") for n in range(10)]
    claims = [await store.claim(address, owner=ME, now_ms=NOW) for address in addresses]
    answers = [
        store.commit(
            address, claim.epoch, [used(n + 1, outcome="error" if n == 2 else "completed")], now_ms=NOW
        )
        for n in range(10)
        for address, claim in zip(addresses, claims, strict=True)
    ]
    await asyncio.gather(*answers)
    for row in await store.sessions():
        assert (row.turns, row.errors, row.input_tokens, row.output_tokens) == (10, 1, 55, 10)
        assert row.cost_nano == 1000
    assert await store.spent(day_ms=NOW, owner=ME) == Spent(tokens=650, cost_nano=10_000)


@rule
async def a_refused_commit_counts_nothing_and_its_neighbours_count_once(store: SessionStore) -> None:
    old = await store.claim(ADA, owner=ME, now_ms=NOW)
    new = await store.claim(ADA, owner=ME, now_ms=NOW)
    bob = await store.claim(BOB, owner=ME, now_ms=NOW)
    answers = await asyncio.gather(
        store.commit(ADA, new.epoch, [used(1)], now_ms=NOW),
        store.commit(ADA, old.epoch, [used(100)], now_ms=NOW),
        store.commit(BOB, bob.epoch, [used(10)], now_ms=NOW),
        store.commit(ADA, new.epoch, [used(2)], now_ms=NOW),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [type(None), StaleEpoch, type(None), type(None)]
    assert await store.spent(day_ms=NOW) == Spent(16, 300)
    assert [row.input_tokens for row in await store.sessions()] == [3, 10]


@rule
async def sums_of_a_day_outlive_the_session(store: SessionStore) -> None:
    mine = await committed(store, used(5), PutOwner("user:bob"))
    await store.delete(ADA)
    await refused(store.commit(ADA, mine.epoch, [used(5)], now_ms=NOW), StaleEpoch)
    assert await store.spent(day_ms=NOW, owner=ME) == Spent(6, 100)
    await committed(store, used(5))
    assert [row.turns for row in await store.sessions()] == [1]
    assert await store.spent(day_ms=NOW, owner=ME) == Spent(12, 200)


@restart_rule
async def usage_survives_a_restart(opener: Opener) -> None:
    store = await opener()
    await committed(store, used(5))
    await store.close()
    store = await opener()
    assert await store.spent(day_ms=NOW) == Spent(6, 100)
    assert [row.turns for row in await store.sessions()] == [1]
    await store.close()
