"""Who may open a data directory, and what is found in it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from cutty_agent.engines.embedded import open_readonly, open_store
from cutty_agent.engines.embedded.connection import connect_writer
from cutty_agent.engines.embedded.directory import DirectoryLock, database_path
from cutty_agent.engines.embedded.migrations import MIGRATIONS, VERSION, migrate, version_of
from cutty_agent.errors import DataDirectoryInUse, NotFound, StoreCorrupt, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    AppendChunks,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    StoredMessage,
    StoredTranscript,
    StoredTurn,
)
from cutty_agent.wire.card import Card

ADA = Address("chat", "ada")


async def test_a_directory_has_one_store_at_a_time(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "deep" / "data")
    with pytest.raises(DataDirectoryInUse, match=f"process {os.getpid()}"):
        await open_store(tmp_path / "deep" / "data")
    await (await open_store(tmp_path / "other")).close()
    await store.close()
    await (await open_store(tmp_path / "deep" / "data")).close()


async def test_a_failed_start_lets_the_next_one_in(tmp_path: Path) -> None:
    database_path(tmp_path).write_bytes(b"certainly not a database" * 100)
    for _ in range(2):
        with pytest.raises(StoreCorrupt, match="not a database"):
            await open_store(tmp_path)
    with pytest.raises(StoreCorrupt):
        open_readonly(tmp_path)


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        DirectoryLock(tmp_path / "data")


async def test_damage_inside_is_found_at_the_start(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    claim = await store.claim(ADA, owner=None, now_ms=1)
    await store.commit(ADA, claim.epoch, [PutMessage(f"m{n}", b"x" * 900) for n in range(200)], now_ms=1)
    await store.close()
    with database_path(tmp_path).open("r+b") as file:
        for page in range(6, 40):
            file.seek(page * 4096)
            file.write(b"\xa5" * 64)
    with pytest.raises(StoreCorrupt, match="damaged"):
        await open_store(tmp_path)


async def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    with sqlite3.connect(database_path(tmp_path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(StoreCorrupt, match=f"version {VERSION + 1}"):
        await open_store(tmp_path)
    with pytest.raises(StoreCorrupt, match=f"version {VERSION + 1}"):
        open_readonly(tmp_path)


def test_migrations_continue_where_the_database_stands(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "x.db", busy_timeout_s=1)
    steps = (*MIGRATIONS, ("CREATE TABLE later (n INTEGER)",), ("INSERT INTO later VALUES (7)",))
    migrate(connection)
    connection.execute(
        "INSERT INTO sessions (idx, agent, session, epoch, created_ms, active_ms) VALUES (1, 'chat', 'ada', 1, 0, 0)"
    )
    migrate(connection, steps)
    migrate(connection, steps)
    assert version_of(connection) == len(steps)
    assert connection.execute("SELECT n FROM later").fetchall() == [(7,)]
    assert connection.execute("SELECT session FROM sessions").fetchall() == [("ada",)]
    connection.close()


def test_a_failing_migration_leaves_nothing_of_itself(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "x.db", busy_timeout_s=1)
    steps = (
        *MIGRATIONS,
        ("CREATE TABLE good (n INTEGER)",),
        ("CREATE TABLE half (n INTEGER)", "CREATE TABL oops"),
    )
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        migrate(connection, steps)
    assert version_of(connection) == len(MIGRATIONS) + 1
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "good" in tables
    assert "half" not in tables
    connection.close()


def test_the_write_connection_is_durable_and_bounded(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "x.db", busy_timeout_s=1)
    migrate(connection)

    def pragma(name: str) -> object:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL: every commit is synced
    assert pragma("auto_vacuum") == 2  # INCREMENTAL
    assert pragma("mmap_size") == 0
    assert pragma("secure_delete") == 1
    connection.close()


async def test_a_look_from_outside(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_readonly(tmp_path)
    store = await open_store(tmp_path)
    claim = await store.claim(ADA, owner=None, now_ms=1)
    ops: list[Op] = [
        PutMessage("m", b"1"),
        PutTurn("t", b"r", open=True),
        AppendChunks("t", 0, (b"c",)),
        PutState(b"s"),
    ]
    empty = StoredTranscript(Card("", 0, 0), [])
    with open_readonly(tmp_path) as outside:
        assert (outside.messages(ADA) or empty).messages == []
        await store.commit(ADA, claim.epoch, ops, now_ms=2)
        assert (outside.messages(ADA) or empty).messages == [StoredMessage("m", b"1")]
        assert outside.turns(ADA) == [StoredTurn("t", b"r", True)]
        assert outside.chunks(ADA, "t") == [b"c"]
        assert [(row.address, row.messages, row.open_turns) for row in outside.sessions()] == [(ADA, 1, 1)]
        session = outside.session(ADA)
        assert session is not None
        assert (session.epoch, session.state) == (claim.epoch, b"s")
        assert outside.session(Address("chat", "bob")) is None
        assert outside.turns(Address("chat", "bob")) == []
        assert outside.check() == []
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            outside._connection.execute("DELETE FROM sessions")
    await store.close()
    assert set(os.listdir(tmp_path)) == {"lock", "sessions.db"}
    empty = StoredTranscript(Card("", 0, 0), [])
    with open_readonly(tmp_path) as outside:
        assert (outside.messages(ADA) or empty).messages == [StoredMessage("m", b"1")]
    await (await open_store(tmp_path)).close()


async def test_rows_without_a_session_are_a_problem(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    with sqlite3.connect(database_path(tmp_path)) as connection:
        connection.execute("INSERT INTO messages (idx, id, body) VALUES (9, 'm', x'00')")
    connection.close()
    store = await open_store(tmp_path)
    assert await store.check() == ["1 rows of messages belong to no session"]
    await store.close()
