"""The store with faults does exactly what its plan says."""

from __future__ import annotations

from itertools import repeat

import pytest

from conformance.store_openers import memory_opener
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import StaleEpoch, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import PutMessage, SessionStore
from cutty_agent.testing.conformance import STORE_RULES
from cutty_agent.testing.faults import Fault, FaultyStore

ADA = Address("chat", "ada")


@pytest.mark.parametrize("name", STORE_RULES)
async def test_without_faults_it_keeps_every_rule(name: str) -> None:
    inner = memory_opener(MemoryStore)

    async def opener() -> SessionStore:
        return FaultyStore(await inner())

    await STORE_RULES[name](opener)


async def test_commits_fail_by_plan() -> None:
    store = FaultyStore(MemoryStore(), [None, Fault.REFUSED, Fault.UNANSWERED])
    claim = await store.claim(ADA, owner="", now_ms=1)
    found = []
    for n in range(4):
        answer = store.commit(ADA, claim.epoch, [PutMessage(f"m{n}", b"{}")], now_ms=1)
        if n in {1, 2}:
            with pytest.raises(
                StoreUnavailable, match="nothing was written" if n == 1 else "answer was lost"
            ):
                await answer
        else:
            await answer
        stored = await store.messages(ADA)
        found.append([message.id for message in stored.messages] if stored else None)
    assert found == [["m0"], ["m0"], ["m0", "m2"], ["m0", "m2", "m3"]]


async def test_claims_fail_by_plan() -> None:
    store = FaultyStore(MemoryStore(), repeat(Fault.REFUSED), claims=[None, Fault.REFUSED, Fault.UNANSWERED])
    first = await store.claim(ADA, owner="", now_ms=1)
    with pytest.raises(StoreUnavailable):
        await store.claim(ADA, owner="", now_ms=1)
    await store.inner.commit(ADA, first.epoch, [], now_ms=1)
    with pytest.raises(StoreUnavailable):
        await store.claim(ADA, owner="", now_ms=1)
    with pytest.raises(StaleEpoch):  # the lost claim was made all the same
        await store.inner.commit(ADA, first.epoch, [], now_ms=1)
    with pytest.raises(StoreUnavailable):
        await store.commit(ADA, first.epoch, [], now_ms=1)
