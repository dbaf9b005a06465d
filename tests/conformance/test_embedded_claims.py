"""Claims and gifts at the same moment."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from cutty_agent.engines.embedded import EmbeddedStore, open_store
from cutty_agent.engines.embedded.jobs import ClaimJob
from cutty_agent.errors import NotOwner
from cutty_agent.ids import Address
from cutty_agent.ports.store import FOREVER, PutMessage, PutOwner

ADA = Address("chat", "ada")
MINE, YOURS = "visitor:1", "user:you"


class HeldReader:
    """Nothing is read of sessions until it is let go."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._go = threading.Event()
        self._held = store._reader._pool.submit(self._go.wait, 10)

    def let_go(self) -> None:
        self._go.set()
        assert self._held.result(10)


async def claimed(store: EmbeddedStore) -> int:
    """Claim as the server does, without reading what the session holds; the epoch."""
    job = ClaimJob(ADA, owner=None, now_ms=2, lifetime=FOREVER, create=False, expired=False)
    store._writer.submit(job)
    return (await job.answer).epoch


async def test_a_claim_reads_nothing_of_a_session_given_away_meanwhile(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    first = await store.claim(ADA, owner=MINE, now_ms=1)
    reader = HeldReader(store)
    claim = asyncio.ensure_future(store.claim(ADA, owner=MINE, now_ms=1))
    await asyncio.sleep(0)  # it is queued, and will be written before what comes now
    epoch = await claimed(store)
    await store.commit(ADA, epoch, [PutOwner(YOURS), PutMessage("m", b"yours")], now_ms=2)
    reader.let_go()
    with pytest.raises(NotOwner):
        await claim
    assert epoch > first.epoch
    assert (await store.claim(ADA, owner=YOURS, now_ms=3)).messages[0].body == b"yours"
    await store.close()


async def test_a_claim_reads_nothing_of_a_session_made_again_meanwhile(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.claim(ADA, owner=MINE, now_ms=1)
    reader = HeldReader(store)
    claim = asyncio.ensure_future(store.claim(ADA, owner=MINE, now_ms=1))
    await asyncio.sleep(0)
    await store.delete(ADA)
    again = await store.claim(ADA, owner=YOURS, now_ms=2)
    await store.commit(ADA, again.epoch, [PutMessage("m", b"yours")], now_ms=2)
    reader.let_go()
    found = await claim
    assert (found.card.owner, found.messages) == (MINE, [])
    assert found.epoch < again.epoch
    await store.close()
