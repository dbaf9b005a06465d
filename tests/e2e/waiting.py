"""Waiting for something to become true, without polling and without guessing how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_S = 20.0
"""How long a test waits for anything before it fails; only a failing test waits that long."""


class News:
    """Wakes whoever waits for a condition each time something has happened that may have changed it."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()

    def tell(self) -> None:
        """Something has happened."""
        self._happened.set()
        self._happened = asyncio.Event()

    async def until(self, condition: Callable[[], bool], wanted: str) -> None:
        """Return as soon as ``condition`` holds.

        Raises:
            AssertionError: it still does not after ``PATIENCE_S``; names what was ``wanted``.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await self._happened.wait()
        except TimeoutError:
            raise AssertionError(f"waited {PATIENCE_S:.0f} s for: {wanted}") from None
