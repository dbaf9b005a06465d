"""The last error, kept for the next one's message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from cutty_agent import App, ChatAgent, Turn


class Concierge(ChatAgent):
    last_error: ClassVar[str] = ""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        if turn.text.startswith("fail"):
            raise ValueError(turn.text)
        yield f"You said: {turn.text}"

    def on_error(self, turn: Turn, error: Exception) -> str:
        before, Concierge.last_error = Concierge.last_error, str(error)
        return f"That did not work; before it was {before}"


app = App([Concierge])
