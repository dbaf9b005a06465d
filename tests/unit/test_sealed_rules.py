"""A store that encrypts keeps every rule of the one it is around."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.store_openers import memory_opener, sealed_opener
from cutty_agent.engines.embedded import open_store
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import SessionStore
from cutty_agent.testing.conformance import STORE_RULES, Opener


@pytest.fixture(params=["memory", "embedded"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the engine's store with encryption around it, again and again on the same data."""
    if request.param == "memory":
        return sealed_opener(memory_opener(MemoryStore))

    async def embedded() -> SessionStore:
        return await open_store(tmp_path / "data")

    return sealed_opener(embedded)


@pytest.mark.parametrize("name", STORE_RULES)
async def test_rule(name: str, opener: Opener) -> None:
    await STORE_RULES[name](opener)
