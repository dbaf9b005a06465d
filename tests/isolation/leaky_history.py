"""One history list for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, UserPromptPart

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.wire.chunks import Chunk

HISTORY: list[dict[str, str]] = []
ASSISTANT = Agent("anthropic:claude-sonnet-4-5")


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Chunk]:
        earlier: list[ModelMessage] = [
            ModelRequest([UserPromptPart(entry["content"])]) for entry in HISTORY[-6:]
        ]
        HISTORY.append({"role": "user", "content": turn.text})
        return turn.run(ASSISTANT, message_history=earlier)


app = App([Concierge])
