"""Stored chunks."""

from __future__ import annotations

from ...ports.store import (
    AppendChunks,
    DeleteTurns,
    DropChunks,
    Op,
    PutMessage,
    PutTurn,
    SessionStore,
)
from .rule import ADA, BOB, ME, NOW, committed, rule


@rule
async def chunks_come_back_in_order(store: SessionStore) -> None:
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    bodies = [f'{{"n":{n},"text":"ä"}}'.encode() for n in range(300)]
    start = 0
    for size in (1, 2, 5, 40, 1, 12, 100, 139):
        ops: list[Op] = [
            AppendChunks("t", start, tuple(bodies[start : start + size])),
            PutMessage("m", b"{}"),
        ]
        await store.commit(ADA, claim.epoch, ops, now_ms=NOW)
        start += size
    assert await store.chunks(ADA, "t") == bodies
    assert await store.chunks(ADA, "other") == []
    assert await store.chunks(BOB, "t") == []


@rule
async def turns_of_a_session_have_separate_streams(store: SessionStore) -> None:
    claim = await store.claim(ADA, owner=ME, now_ms=NOW)
    for n in range(10):
        ops = [AppendChunks("a", n, (b"1%d" % n,)), AppendChunks("b", n, (b"2%d" % n,))]
        await store.commit(ADA, claim.epoch, ops, now_ms=NOW)
    await store.commit(ADA, claim.epoch, [AppendChunks("c", 0, ())], now_ms=NOW)
    assert await store.chunks(ADA, "a") == [b"1%d" % n for n in range(10)]
    assert await store.chunks(ADA, "b") == [b"2%d" % n for n in range(10)]
    assert await store.chunks(ADA, "c") == []


@rule
async def dropped_chunks_leave_the_record_and_deleted_turns_leave_nothing(store: SessionStore) -> None:
    ops = [op for id in "abc" for op in (PutTurn(id, b"{}", open=False), AppendChunks(id, 0, (b"1", b"2")))]
    found = await committed(store, *ops, DropChunks(("a", "unknown")), DeleteTurns(("b",)))
    assert [turn.id for turn in found.turns] == ["a", "c"]
    assert [await store.chunks(ADA, id) for id in "abc"] == [[], [], [b"1", b"2"]]
