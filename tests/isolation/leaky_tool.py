"""A tool that closes over a variable of the module's function instead of getting its session through deps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pydantic_ai import Agent

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.wire.chunks import Chunk


def assistant() -> tuple[Agent[None, str], dict[str, str]]:
    customer = {"said": ""}
    agent = Agent("openai:gpt-5")

    @agent.tool_plain
    async def weather(place: str) -> str:
        await asyncio.sleep(0.002)
        return f"The weather in {place}, for the customer who said {customer['said']}"

    return agent, customer


ASSISTANT, CUSTOMER = assistant()


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Chunk]:
        CUSTOMER["said"] = turn.text
        return turn.run(ASSISTANT)


app = App([Concierge])
