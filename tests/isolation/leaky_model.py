"""One Pydantic AI agent for all sessions, with instructions that each session adds to."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic_ai import Agent

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.wire.chunks import Chunk

ASSISTANT = Agent("anthropic:claude-sonnet-4-5", instructions="Be kind.")


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Chunk]:
        said = turn.text
        ASSISTANT.instructions(lambda: f"The visitor said: {said}")
        return turn.run(ASSISTANT)


app = App([Concierge])
