"""Openers of the stores under test."""

from __future__ import annotations

from collections.abc import Callable

from cutty_agent.engines.memory import MemoryStore
from cutty_agent.engines.sealed import Keyring, SealedStore
from cutty_agent.ports.store import SessionStore
from cutty_agent.testing.conformance import Opener


def memory_opener(make: Callable[[], MemoryStore]) -> Opener:
    """Each call gives a store on the sessions of the one before."""
    latest: list[MemoryStore] = []

    async def opener() -> SessionStore:
        latest.append(latest[-1].reopened() if latest else make())
        return latest[-1]

    return opener


def sealed_opener(inner: Opener) -> Opener:
    """The stores of another opener, with everything encrypted that goes into them."""

    async def opener() -> SessionStore:
        return SealedStore(await inner(), Keyring([("test", bytes(32))]))

    return opener
