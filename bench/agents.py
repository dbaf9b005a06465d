"""Agents that cost nothing themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cutty_agent import ChatAgent, Turn

WORD = "lorem "


async def words(count: int) -> AsyncIterator[str]:
    """``count`` words, at once."""
    for _ in range(count):
        yield WORD


class Instant(ChatAgent):
    """Answers "N" with N words."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        return words(int(turn.text))
