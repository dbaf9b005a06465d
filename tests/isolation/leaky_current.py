"""A module-level "current session": right with one visitor, wrong with two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.wire.chunks import Chunk

CURRENT: Turn | None = None


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str | Chunk]:
        global CURRENT
        CURRENT = turn
        await asyncio.sleep(0.002)
        yield {
            "type": "tool-input-available",
            "toolCallId": "t",
            "toolName": "note",
            "input": {"text": CURRENT.text},
        }
        yield {"type": "tool-output-available", "toolCallId": "t", "output": "noted"}
        yield f"You said: {CURRENT.text}"


app = App([Concierge])
