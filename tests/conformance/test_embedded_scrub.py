"""Nothing that was removed can be read from the files once they were scrubbed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutty_agent.engines.embedded import EmbeddedStore, open_store, scrubbing
from cutty_agent.engines.embedded.directory import database_path
from cutty_agent.errors import StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    DropChunks,
    Op,
    Park,
    PutGrant,
    PutMessage,
    PutOwner,
    PutState,
    PutTurn,
    PutValue,
)
from cutty_agent.wire.card import Grant

SESSIONS = 300


def canary(session: int, what: str) -> str:
    return f"canary-{session:03}-{what}-"


def canaries(directory: Path) -> set[tuple[int, str]]:
    """Session and kind of every canary in any file below the directory."""
    return {
        (int(session), kind.decode())
        for file in directory.rglob("*")
        if file.is_file()
        for session, kind in re.findall(rb"canary-(\d{3})-([a-z]+)-", file.read_bytes())
    }


def holding(directory: Path, secret: bytes) -> list[Path]:
    """The files in the directory that hold it."""
    return [file for file in directory.iterdir() if secret in file.read_bytes()]


def writes(n: int, round: int, chance: random.Random) -> list[Op]:
    """What a session writes in a round: rows of many sizes, so that pages fill up, split and merge."""

    def body(what: str) -> bytes:
        return canary(n, what).encode() * chance.randrange(1, 60)

    return [
        PutMessage(canary(n, "message") + str(round % 7), body("body")),
        PutState(body("state")),
        PutValue(canary(n, "key") + str(round % 3), body("value")),
        PutTurn(canary(n, "turn") + str(round % 4), body("record"), open=True),
        AppendChunks(canary(n, "turn") + "0", round, (body("chunk"), body("chunk"))),
        PutGrant(canary(n, "grantee") + str(round % 2), Grant("read", round)),
        *([DropChunks((canary(n, "turn") + "0",))] if chance.random() < 0.2 else []),
        *([DeleteMessages((canary(n, "message") + str(round % 5),))] if chance.random() < 0.3 else []),
        *([PutState(None)] if chance.random() < 0.1 else []),
    ]


async def fill(store: EmbeddedStore) -> list[tuple[Address, int]]:
    """Sessions with canaries in all they keep; their addresses and epochs."""
    chance = random.Random(20)  # no secret is made here
    made: list[tuple[Address, int]] = []
    for n in range(SESSIONS):
        address = Address("chat", canary(n, "session"))
        claim = await store.claim(address, owner=canary(n, "owner"), now_ms=1)
        made.append((address, claim.epoch))
    for round in range(12):
        await asyncio.gather(
            *(
                store.commit(address, epoch, writes(n, round, chance), now_ms=1, expires_ms=100 + n)
                for n, (address, epoch) in enumerate(made)
            )
        )
    return made


async def test_no_byte_of_what_was_removed_is_left_after_scrubbing(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    made = await fill(store)
    deleted = set(range(0, SESSIONS, 3))
    expired = set(range(1, 120, 3))
    for n in deleted:
        assert (await store.delete(made[n][0])).sessions == 1
    removed = await store.delete_expired([made[n][0] for n in expired], now_ms=100 + SESSIONS)
    assert removed.sessions == len(expired)
    cleared = set(range(2, 60, 3))  # these live on with another owner and nothing else
    for n in cleared:
        ops: list[Op] = [
            ClearMessages(),
            PutState(None),
            *(PutValue(canary(n, "key") + str(k), None) for k in range(3)),
            DeleteTurns(tuple(canary(n, "turn") + str(k) for k in range(4))),
            *(PutGrant(canary(n, "grantee") + str(k), None) for k in range(2)),
            PutOwner("user:new"),
            Park(canary(n, "parked")),
            Park(None),
        ]
        await store.commit(*made[n], ops, now_ms=1)
    gone = deleted | expired
    assert {session for session, _ in canaries(tmp_path)} & gone, "nothing to scrub: this test proves nothing"

    assert await store.scrub() is True
    found = canaries(tmp_path)
    assert {(session, kind) for session, kind in found if session in gone} == set()
    assert {(session, kind) for session, kind in found if session in cleared} == {
        (n, "session") for n in cleared
    }
    kept = set(range(SESSIONS)) - gone - cleared
    for kind in ("message", "body", "key", "value", "turn", "record", "grantee", "owner", "session"):
        assert {session for session, what in found if what == kind} >= kept
    for n in kept:
        session = await store.claim(made[n][0], owner=canary(n, "owner"), now_ms=1)
        assert session.messages
    assert await store.check() == []
    await store.close()
    assert {session for session, _ in canaries(tmp_path)} & gone == set()


async def test_after_scrubbing_the_files_are_small(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    made = await fill(store)
    await store.delete_expired([address for address, _ in made[:290]], now_ms=1000)
    assert await store.scrub() is True
    assert database_path(tmp_path).stat().st_size < 400_000
    assert database_path(tmp_path).with_name("sessions.db-wal").stat().st_size == 0
    await store.commit(*made[295], [PutMessage("m", b"{}")], now_ms=1)  # and it goes on as before
    await store.close()


@pytest.mark.parametrize("before", [True, False], ids=["log-in-use", "log-empty"])
async def test_it_is_not_certain_while_a_reader_holds_old_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    monkeypatch.setattr(scrubbing, "PATIENCE_MS", 20)
    store = await open_store(tmp_path)
    address, secret = Address("chat", "ada"), b"a secret" * 100
    claim = await store.claim(address, owner="", now_ms=1)
    await store.commit(address, claim.epoch, [PutMessage("m", secret)], now_ms=1)
    if not before:
        assert await store.scrub() is True  # now a reader finds all in the database and nothing in the log
    reader = sqlite3.connect(database_path(tmp_path), isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    await store.delete(address)
    assert await store.scrub() is False
    assert reader.execute("SELECT body FROM messages").fetchone() == (secret,)
    reader.execute("COMMIT")
    reader.close()
    assert await store.scrub() is True
    assert not holding(tmp_path, b"a secret")
    await store.close()


async def test_those_who_wait_together_are_answered_by_one_rewriting(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    sql: list[str] = []
    connection = store._writer.scribe.connection
    other = sqlite3.connect(database_path(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # holds the writer up until all have come
    first = asyncio.ensure_future(store.delete(Address("chat", "nobody")))
    await asyncio.sleep(0)
    connection.set_trace_callback(sql.append)
    scrubs = [asyncio.ensure_future(store.scrub()) for _ in range(5)]
    note = asyncio.ensure_future(store.delete(Address("chat", "nobody else")))
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    other.close()
    await asyncio.gather(first, note)
    assert await asyncio.gather(*scrubs) == [True] * 5
    connection.set_trace_callback(None)
    assert sql.count("VACUUM") == 1
    assert sql.index("VACUUM") > len(sql) - 1 - sql[::-1].index("COMMIT")
    await store.close()


@contextlib.contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_without_room_for_the_copy_loses_nothing(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    address = Address("chat", "ada")
    claim = await store.claim(address, owner="", now_ms=1)
    await store.commit(address, claim.epoch, [PutMessage("m", b"x" * 500_000)], now_ms=1)
    assert await store.scrub() is True
    with files_no_larger_than(200_000), pytest.raises(StoreUnavailable, match="Nothing was changed"):
        await store.scrub()
    await store.commit(address, claim.epoch, [PutMessage("n", b"{}")], now_ms=1)
    found = await store.messages(address)
    assert found is not None
    assert [(message.id, len(message.body)) for message in found.messages] == [("m", 500_000), ("n", 2)]
    assert await store.scrub() is True
    assert await store.check() == []
    await store.close()


async def test_it_is_not_certain_while_another_program_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "PATIENCE_MS", 20)
    store = await open_store(tmp_path)
    other = sqlite3.connect(database_path(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await store.scrub() is False
    other.execute("ROLLBACK")
    other.close()
    assert await store.scrub() is True
    await store.close()
