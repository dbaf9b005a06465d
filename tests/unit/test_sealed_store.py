"""A store below which only encrypted bodies lie."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from cutty_agent.engines.embedded import open_store
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.engines.sealed import KeyMissing, Keyring, SealedStore
from cutty_agent.engines.sealed.store import APART_BYTES
from cutty_agent.errors import StoreCorrupt
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
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

ADA = Address("chat", "ada")
BOB = Address("chat", "bob")
NOW = 1_790_000_000_000
KEY = base64.b64encode(b"n" * 32).decode()
RING = Keyring.parse(f"new:{KEY}")
CANARY = b"canary-7f3a"

OPS: list[Op] = [
    PutMessage("m1", b'{"id":"m1","text":"canary-7f3a"}'),
    PutMessage("m2", b'{"id":"m2","text":"' + b"canary-7f3a " * 9000 + b'"}'),
    PutState(b'{"note":"canary-7f3a"}'),
    PutValue("k", b'"canary-7f3a"'),
    PutTurn("t", b'{"body":"canary-7f3a"}', open=True),
    AppendChunks("t", 0, (b'{"delta":"canary-7f3a"}', b'{"delta":" and canary-7f3a"}')),
]


async def fill(store: SessionStore, address: Address = ADA, ops: list[Op] = OPS) -> None:
    claim = await store.claim(address, owner="user:ada", now_ms=NOW)
    await store.commit(address, claim.epoch, ops, now_ms=NOW)


async def test_no_file_of_a_data_directory_holds_plain_content(tmp_path: Path) -> None:
    def files_with_canary(directory: Path) -> list[str]:
        files = [path for path in directory.rglob("*") if path.is_file()]
        assert any(path.name.endswith("-wal") and path.stat().st_size > 100_000 for path in files)
        return sorted(path.name for path in files if CANARY in path.read_bytes())

    plain = await open_store(tmp_path / "plain")
    await fill(plain)
    assert files_with_canary(tmp_path / "plain") == ["sessions.db-wal"]  # the search does find it
    await plain.close()

    store = SealedStore(await open_store(tmp_path / "sealed"), RING)
    await fill(store)
    assert files_with_canary(tmp_path / "sealed") == []
    found = await store.claim(ADA, owner="user:ada", now_ms=NOW)
    assert CANARY in found.messages[1].body
    await store.close()
    for path in (tmp_path / "sealed").rglob("*"):
        assert CANARY not in path.read_bytes()


async def test_every_way_to_read_opens() -> None:
    inner = MemoryStore()
    store = SealedStore(inner, RING)
    await fill(store)
    for reading in (
        await inner.messages(ADA),
        await inner.state(ADA),
        await inner.turns(ADA),
        await inner.chunks(ADA, "t"),
        await inner.claim(ADA, owner=None, now_ms=NOW),
    ):
        assert CANARY not in repr(reading).encode()
    transcript = await store.messages(ADA)
    assert transcript is not None
    assert transcript.card.owner == "user:ada"
    found = await store.claim(ADA, owner="user:ada", now_ms=NOW)
    assert [row.id for row in transcript.messages] == ["m1", "m2"]
    assert transcript.messages == found.messages
    assert transcript.messages[0] == StoredMessage("m1", b'{"id":"m1","text":"canary-7f3a"}')
    assert await store.state(ADA) == found.state == b'{"note":"canary-7f3a"}'
    assert await store.turns(ADA) == found.turns == [StoredTurn("t", b'{"body":"canary-7f3a"}', True)]
    assert found.values == {"k": b'"canary-7f3a"'}
    assert await store.chunks(ADA, "t") == [b'{"delta":"canary-7f3a"}', b'{"delta":" and canary-7f3a"}']
    assert await store.interrupted() == [ADA]
    assert await store.messages(BOB) is None
    assert await store.state(BOB) is None


async def test_much_is_opened_too() -> None:
    store = SealedStore(MemoryStore(), RING)
    body = b'"' + b"x" * APART_BYTES + b'"'
    await fill(store, ops=[PutMessage("m", body), PutState(body), AppendChunks("t", 0, (body, body))])
    assert (await store.claim(ADA, owner=None, now_ms=NOW)).messages == [StoredMessage("m", body)]
    assert await store.state(ADA) == body
    assert await store.chunks(ADA, "t") == [body, body]


async def test_rows_of_one_session_do_not_open_in_another() -> None:
    inner = MemoryStore()
    store = SealedStore(inner, RING)
    await fill(store)
    stolen = await inner.claim(ADA, owner=None, now_ms=NOW)
    await fill(inner, BOB, [PutMessage(row.id, row.body) for row in stolen.messages])
    with pytest.raises(StoreCorrupt, match="message m1 of session chat/bob"):
        await store.messages(BOB)
    with pytest.raises(StoreCorrupt):
        await store.claim(BOB, owner=None, now_ms=NOW)


async def test_rows_from_before_encryption_are_read_and_stay_as_they_are() -> None:
    inner = MemoryStore()
    await fill(inner)
    store = SealedStore(inner, RING)
    found = await store.claim(ADA, owner="user:ada", now_ms=NOW)
    assert found.state == b'{"note":"canary-7f3a"}'
    await store.commit(ADA, found.epoch, [PutState(b'{"new":1}'), AppendChunks("t", 2, (b"3",))], now_ms=NOW)
    assert await store.state(ADA) == b'{"new":1}'
    assert (await store.chunks(ADA, "t"))[1:] == [b'{"delta":" and canary-7f3a"}', b"3"]
    assert (await inner.state(ADA) or b"")[:1] == b"\xf5"


async def test_a_server_without_its_keys_says_so_and_writes_plain_rows() -> None:
    inner = MemoryStore()
    await fill(SealedStore(inner, RING))
    bare = SealedStore(inner, Keyring.parse(None))
    for reading in (bare.messages(ADA), bare.state(ADA), bare.turns(ADA), bare.chunks(ADA, "t")):
        with pytest.raises(KeyMissing, match="'new'"):
            await reading
    with pytest.raises(KeyMissing, match="'new'"):
        await bare.claim(ADA, owner=None, now_ms=NOW)
    await fill(bare, BOB)
    assert await inner.state(BOB) == b'{"note":"canary-7f3a"}'


async def test_commits_are_sealed_and_queued_in_the_moment_of_the_call() -> None:
    store = SealedStore(MemoryStore(), RING)
    claim = await store.claim(ADA, owner=None, now_ms=NOW)
    answers = [store.commit(ADA, claim.epoch, [PutState(b"%d" % n)], now_ms=NOW) for n in range(5)]
    for answer in reversed(answers):
        await answer
    assert await store.state(ADA) == b"4"
