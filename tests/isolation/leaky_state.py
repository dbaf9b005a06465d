"""An initial state that every instance changes in place, shown to all as their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cutty_agent import App, ChatAgent, Turn

DEFAULTS: dict[str, Any] = {"topics": []}


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        state = self.state or DEFAULTS
        state["topics"] = [*state["topics"][-4:], turn.text] if "topics" in state else [turn.text]
        await self.set_state(state)
        yield "Noted."

    async def on_request(self, request: Request) -> Response | None:
        return PlainTextResponse(str(DEFAULTS))


app = App([Concierge])
