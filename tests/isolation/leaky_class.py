"""State in a class attribute: a list in the class body belongs to all instances."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cutty_agent import App, ChatAgent, Turn


class Concierge(ChatAgent):
    notes: list[str] = []

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        self.notes.append(turn.text)
        yield "Noted."


app = App([Concierge])
