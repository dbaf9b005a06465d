"""Every engine keeps every rule."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from conformance.store_openers import memory_opener
from cutty_agent.engines.embedded import open_store, store
from cutty_agent.engines.embedded.apart import WriterApart
from cutty_agent.engines.embedded.desk import Desk
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import SessionStore
from cutty_agent.testing.conformance import STORE_RULES, Opener


class WriterInThread(WriterApart):
    """The writing process as a thread of this one: the same words through the same socket, and no start to wait for."""

    def _launch(self, theirs: socket.socket) -> None:
        desk = Desk(theirs.dup(), self._options)
        threading.Thread(target=desk.run, daemon=True).start()


@pytest.fixture(params=["memory", "embedded", "apart"])
def opener(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens the engine's store, again and again on the same data."""
    if request.param == "memory":
        return memory_opener(MemoryStore)
    monkeypatch.setattr(store, "WriterApart", WriterInThread)

    async def embedded() -> SessionStore:
        return await open_store(tmp_path / "data", apart=request.param == "apart")

    return embedded


@pytest.mark.parametrize("name", STORE_RULES)
async def test_rule(name: str, opener: Opener) -> None:
    await STORE_RULES[name](opener)
