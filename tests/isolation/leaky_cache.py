"""Answers kept by the question alone, although they depend on who asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cutty_agent import App, ChatAgent, Turn

ANSWERS: dict[str, str] = {}


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        if turn.text not in ANSWERS:
            told = [part["text"] for message in turn.messages for part in message["parts"] if "text" in part]
            ANSWERS[turn.text] = f"You told me: {' | '.join(told[-6:])}"
        yield ANSWERS[turn.text]


app = App([Concierge])
