"""A pool of connections to a service. A cancelled command leaves its answer unread for whoever comes next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.wire.chunks import Chunk


class Wire:
    """Answers come in the order of the commands, as on a connection to Redis or PostgreSQL."""

    def __init__(self) -> None:
        self._unread: deque[str] = deque()

    async def ask(self, command: str) -> str:
        self._unread.append(f"answer to {command}")
        await asyncio.sleep(0.03)  # cancelled here, the answer stays
        return self._unread.popleft()


class Pool:
    def __init__(self, size: int) -> None:
        self.free: deque[Wire] = deque(Wire() for _ in range(size))
        self._some = asyncio.Semaphore(size)

    async def ask(self, command: str) -> str:
        async with self._some:
            wire = self.free.popleft()
            try:
                return await wire.ask(command)
            finally:
                self.free.append(wire)


POOL = Pool(12)


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Chunk]:
        yield {"type": "tool-input-available", "toolCallId": "t", "toolName": "ask", "input": {}}
        answer = await POOL.ask(turn.text)
        yield {"type": "tool-output-available", "toolCallId": "t", "output": {"answer": answer}}


app = App([Concierge])
