"""A database of the first version opens and keeps its sessions, which then belong to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutty_agent.engines.embedded import open_readonly, open_store
from cutty_agent.engines.embedded.connection import connect_writer
from cutty_agent.engines.embedded.directory import database_path
from cutty_agent.engines.embedded.migrations import MIGRATIONS, VERSION, migrate, version_of
from cutty_agent.errors import NotOwner, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    AddUsage,
    Op,
    PutGrant,
    PutOwner,
    Removed,
    SessionRow,
    Snapshot,
    StoredMessage,
    StoredTurn,
)
from cutty_agent.wire.card import Card, Grant
from cutty_agent.wire.principal import NEVER_MS

ADA = Address("chat", "ada")
BOB = Address("chat", "bob")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The data directory of a server of the first version, with two sessions."""
    connection = connect_writer(database_path(tmp_path), busy_timeout_s=1)
    migrate(connection, MIGRATIONS[:1])
    assert version_of(connection) == 1
    connection.executescript(
        """
        INSERT INTO sessions VALUES (3, 'chat', 'ada', 5, 100, 200), (4, 'chat', 'bob', 4, 101, 201);
        UPDATE epochs SET last = 5;
        INSERT INTO messages VALUES (1, 3, 'm1', x'7b7d'), (2, 4, 'm1', x'31'), (3, 3, 'm2', x'32');
        INSERT INTO turns VALUES (1, 3, 't1', 1, x'7b7d');
        INSERT INTO chunks VALUES (1, 3, 't1', 0, 2, x'610a62');
        INSERT INTO states VALUES (3, x'74727565');
        INSERT INTO entries VALUES (1, 3, 'key', x'30');
        """
    )
    connection.close()
    return tmp_path


async def test_sessions_of_the_first_version_are_kept(directory: Path) -> None:
    store = await open_store(directory)
    assert await store.sessions() == [SessionRow(ADA, 100, 200, 2, 1), SessionRow(BOB, 101, 201, 1, 0)]
    assert await store.card(ADA) == Card("", 100, 200, NEVER_MS)
    assert await store.interrupted() == [ADA]
    assert await store.chunks(ADA, "t1") == [b"a", b"b"]
    assert await store.expired(now_ms=NEVER_MS - 1, limit=10) == []
    assert await store.sessions(owner="") == await store.sessions()
    with pytest.raises(NotOwner):
        await store.claim(ADA, owner="user:ada", now_ms=300)
    found = await store.claim(ADA, owner="", now_ms=300)
    assert found == Snapshot(
        epoch=found.epoch,
        created=False,
        card=Card("", 100, 300),
        messages=[StoredMessage("m1", b"{}"), StoredMessage("m2", b"2")],
        state=b"true",
        values={"key": b"0"},
        turns=[StoredTurn("t1", b"{}", True)],
    )
    assert found.epoch > 5
    ops: list[Op] = [
        PutOwner("user:ada"),
        PutGrant("user:bob", Grant("read", 1)),
        AddUsage("user:ada", 1, "completed"),
    ]
    await store.commit(ADA, found.epoch, ops, now_ms=301, expires_ms=400)
    assert (await store.claim(ADA, owner="user:ada", now_ms=302)).card.grants == {
        "user:bob": Grant("read", 1)
    }
    assert await store.delete(ADA) == Removed(1, 2, 1)
    assert await store.check() == []
    await store.close()
    store = await open_store(directory)
    assert [row.address for row in await store.sessions()] == [BOB]
    await store.close()


async def test_a_look_from_outside_says_what_to_do_first(directory: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"schema version 1.*Start the server once"):
        open_readonly(directory)
    await (await open_store(directory)).close()
    with open_readonly(directory) as outside:
        assert [row.address for row in outside.sessions()] == [ADA, BOB]
        assert version_of(outside._connection) == VERSION == 3


def test_published_steps_are_as_they_were() -> None:
    """A step that was published is followed by others, never edited: databases exist that it has made."""
    first = "\n".join(" ".join(statement.split()) for statement in MIGRATIONS[0])
    assert first.count("CREATE TABLE") == 7
    for later in ("owner", "expires_ms", "grants", "usage"):
        assert later not in first
