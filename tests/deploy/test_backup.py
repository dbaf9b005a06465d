"""What docs/deploying.md says of backups while the server runs."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from cutty_agent.engines.embedded.readonly import open_readonly
from cutty_agent.errors import CuttyError
from cutty_agent.ids import Address
from deploy.conftest import MakeServer
from deploy.test_front import answer, some_words
from faults.process import Server
from faults.visitor import visit
from faults.witness import text_of

pytestmark = pytest.mark.deploy


def vacuum_into(database: Path, copy: Path) -> None:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))


def backup(database: Path, copy: Path) -> None:
    """As ``sqlite3 … .backup``."""
    with sqlite3.connect(database) as connection, sqlite3.connect(copy) as target:
        connection.backup(target)


@pytest.mark.parametrize("take", [vacuum_into, backup])
async def test_a_copy_of_a_running_server_goes_on_where_it_was_taken(
    make_server: MakeServer, tmp_path: Path, take: object
) -> None:
    """In mid-answer: the copy is whole, and a server on it finishes the answer."""
    assert callable(take)
    server = await make_server(NUMBERED_PAUSE_MS="5")
    restored = tmp_path / "restored"
    restored.mkdir()
    async with visit(server, "s") as visitor:
        await visitor.ask("before", 20)
        await visitor.end()
        await visitor.ask("q", 150)
        await some_words(visitor, 40)
        await asyncio.to_thread(take, server.data / "sessions.db", restored / "sessions.db")
        await visitor.end()
    assert visitor.words() == answer("before", 20) + answer("q", 150), "and nobody noticed"
    with open_readonly(restored) as store:
        assert store.check() == []
        assert len(store.session(Address("chat", "s")).messages) >= 3  # type: ignore[union-attr]
    shutil.copy(server.data / "admin.token", restored)
    again = Server(restored, env={"NUMBERED_PAUSE_MS": "1"})
    await again.start()
    try:
        async with visit(again, "s") as visitor:
            await visitor.rest()
        status, body = await again.get("/agents/chat/s/get-messages")
    finally:
        await again.bury()
    assert status == 200
    said = [text_of(message).split() for message in json.loads(body) if message["role"] == "assistant"]
    assert said == [answer("before", 20), answer("q", 150)]


async def test_the_bare_file_is_not_a_backup(make_server: MakeServer, tmp_path: Path) -> None:
    """Why the page says not to: what was said last is in the write-ahead log."""
    server = await make_server()
    async with visit(server, "s") as visitor:
        await visitor.ask("q", 5)
        await visitor.end()
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(server.data / "sessions.db", bare)
    try:
        with open_readonly(bare) as store:
            held = store.session(Address("chat", "s"))
    except CuttyError:  # the file alone may not even have its tables yet
        held = None
    assert held is None or len(held.messages) < 2
