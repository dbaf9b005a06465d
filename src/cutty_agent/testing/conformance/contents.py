"""What a session keeps."""

from __future__ import annotations

from ...ports.store import (
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionStore,
    StoredMessage,
    StoredTranscript,
    StoredTurn,
)
from .rule import ADA, EVERYTHING, NOW, assert_everything, committed, ids, rule


@rule
async def a_later_claim_finds_what_was_committed(store: SessionStore) -> None:
    found = await committed(store, *EVERYTHING)
    assert_everything(found)
    assert await store.messages(ADA) == StoredTranscript(found.card, found.messages)
    assert await store.state(ADA) == found.state
    assert await store.chunks(ADA, "t2") == [b'{"n":0}', b'{"n":1}']


@rule
async def a_replaced_message_keeps_its_place(store: SessionStore) -> None:
    found = await committed(
        store, *(PutMessage(f"m{n}", b"1") for n in range(4)), PutMessage("m1", b"2"), PutMessage("m0", b"3")
    )
    assert found.messages == [StoredMessage(f"m{n}", body) for n, body in enumerate([b"3", b"2", b"1", b"1"])]


@rule
async def a_deleted_message_comes_back_at_the_end(store: SessionStore) -> None:
    first = await committed(
        store, *(PutMessage(id, b"1") for id in "abcd"), DeleteMessages(("b", "d", "unknown"))
    )
    assert ids(first) == ["a", "c"]
    assert ids(await committed(store, PutMessage("b", b"2"))) == ["a", "c", "b"]


@rule
async def the_operations_of_a_commit_apply_in_order(store: SessionStore) -> None:
    found = await committed(
        store,
        PutMessage("a", b"1"),
        PutValue("k", b"1"),
        ClearMessages(),
        PutMessage("b", b"2"),
        DeleteMessages(("b",)),
        PutMessage("b", b"3"),
        PutMessage("a", b"4"),
        PutValue("k", None),
        PutState(b"1"),
        PutState(None),
        PutState(b"2"),
        PutTurn("t", b"1", open=True),
        AppendChunks("t", 0, (b"1",)),
        DeleteTurns(("t",)),
        PutTurn("t", b"2", open=False),
        AppendChunks("t", 0, (b"2",)),
    )
    assert found.messages == [StoredMessage("b", b"3"), StoredMessage("a", b"4")]
    assert (found.state, found.values) == (b"2", {})
    assert found.turns == [StoredTurn("t", b"2", False)]
    assert await store.chunks(ADA, "t") == [b"2"]


@rule
async def a_state_of_null_is_not_the_same_as_no_state(store: SessionStore) -> None:
    assert (await committed(store, PutState(b"null"))).state == b"null"
    assert await store.state(ADA) == b"null"
    assert (await committed(store, PutState(None))).state is None
    assert await store.state(ADA) is None


@rule
async def values_are_set_replaced_and_removed_by_key(store: SessionStore) -> None:
    first = await committed(store, PutValue("a", b"1"), PutValue("b", b"1"), PutValue("a", b"2"))
    assert first.values == {"a": b"2", "b": b"1"}
    assert (await committed(store, PutValue("a", None), PutValue("unknown", None))).values == {"b": b"1"}


@rule
async def a_replaced_turn_keeps_its_place(store: SessionStore) -> None:
    found = await committed(
        store,
        *(PutTurn(id, b"1", open=True) for id in "abc"),
        PutTurn("a", b"2", open=False),
        DeleteTurns(("b", "x")),
    )
    assert found.turns == [StoredTurn("a", b"2", False), StoredTurn("c", b"1", True)]


@rule
async def bodies_come_back_byte_for_byte(store: SessionStore) -> None:
    record = bytes(range(256)) * 3
    large = b'"' + b"x" * 1_000_000 + b'"'
    found = await committed(
        store,
        PutMessage("ä'\";--", large),
        PutTurn("t", record, open=False),
        PutMessage("\U0001f991", b'"\\n"'),
    )
    assert found.messages == [StoredMessage("ä'\";--", large), StoredMessage("\U0001f991", b'"\\n"')]
    assert found.turns == [StoredTurn("t", record, False)]


@rule
async def turns_can_be_read_without_a_claim(store: SessionStore) -> None:
    assert await store.turns(ADA) == []
    owner = await committed(store, *EVERYTHING)
    found = await store.turns(ADA)
    assert found == [StoredTurn("t1", b"\x00\xff opaque \n", False), StoredTurn("t2", b"{}", True)]
    await store.commit(ADA, owner.epoch, [PutTurn("t2", b"{}", open=False)], now_ms=NOW)
    assert not any(turn.open for turn in await store.turns(ADA))
