"""The space of removed rows goes back to the file system, also while others write."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from cutty_agent.engines.embedded import open_store, removal, space, writer
from cutty_agent.engines.embedded.directory import database_path
from cutty_agent.ids import Address
from cutty_agent.ports.store import AppendChunks, PutMessage, Removed

ADA = Address("chat", "ada")
BIG = Address("chat", "big")


async def test_the_file_shrinks_while_commits_never_stop_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_BATCH", 1)
    monkeypatch.setattr(space, "BUSY_PAUSE_S", 0.0)
    store = await open_store(tmp_path)
    big = await store.claim(BIG, owner="", now_ms=1)
    ada = await store.claim(ADA, owner="", now_ms=1)
    await store.commit(BIG, big.epoch, [PutMessage(f"m{n}", b"x" * 100_000) for n in range(120)], now_ms=1)
    assert await store.scrub()
    full = database_path(tmp_path).stat().st_size
    seen: list[str] = []
    queue = store._writer._queue

    def trace(sql: str) -> None:
        if sql.startswith(("PRAGMA incremental_vacuum", "COMMIT")):
            seen.append("idle" if queue.empty() else sql)

    store._writer.scribe.connection.set_trace_callback(trace)
    other = sqlite3.connect(database_path(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # holds the writer up until all is queued
    answers = [asyncio.ensure_future(store.delete(BIG))]
    await asyncio.sleep(0)
    commits = [store.commit(ADA, ada.epoch, [AppendChunks("t", n, (b"{}",))], now_ms=n) for n in range(200)]
    other.execute("ROLLBACK")
    other.close()
    assert await answers[0] == Removed(1, 120, 0)
    await asyncio.gather(*commits)
    busy = [sql for sql in seen[: seen.index("idle")] if sql != "COMMIT"]
    assert set(busy) == {f"PRAGMA incremental_vacuum({space.BUSY_STEP})"}
    assert len(busy) > 20
    assert seen.count("COMMIT") > 150  # between the steps others had their turn
    store._writer.scribe.connection.set_trace_callback(None)
    await store.close()
    assert database_path(tmp_path).stat().st_size < full - 7_000_000


async def test_steps_under_traffic_have_pauses(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("CREATE TABLE t (body)")
    connection.execute("INSERT INTO t VALUES (zeroblob(12000000))")
    connection.execute("DELETE FROM t")

    def free() -> int:
        count: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
        return count

    start = free()
    kept = space.Space(connection)
    kept.give_back(lambda: False)
    assert free() == start - space.BUSY_STEP
    kept.give_back(lambda: False)  # too early for the next
    assert free() == start - space.BUSY_STEP
    kept.give_back(lambda: True)
    assert space.FREE_PAGES_KEPT - space.IDLE_STEP < free() <= space.FREE_PAGES_KEPT
    connection.close()


async def test_expired_sessions_go_in_rounds_and_others_write_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "ROUND_S", 0.0)  # one group in each round
    store = await open_store(tmp_path)
    addresses = [Address("chat", f"s{n:03}") for n in range(100)]
    for address in addresses:
        claim = await store.claim(address, owner="", now_ms=1)
        await store.commit(address, claim.epoch, [PutMessage("m", b"{}")], now_ms=1, expires_ms=2)
    ada = await store.claim(ADA, owner="", now_ms=1)
    left: list[int] = []

    async def talk() -> None:
        while not removal_.done():
            await store.commit(ADA, ada.epoch, [], now_ms=1)
            left.append(len(await store.expired(now_ms=2, limit=1000)))

    removal_ = asyncio.ensure_future(store.delete_expired(addresses, now_ms=2))
    await talk()
    assert await removal_ == Removed(100, 100, 0)
    assert left == sorted(left, reverse=True)
    assert len({n for n in left if 0 < n < 100}) >= 3, "it went in one"
    assert all((100 - n) % removal.GROUP == 0 for n in left if n)
    await store.close()
