"""A logger that is bound to whoever came first."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog

from cutty_agent import App, ChatAgent, Turn

log = structlog.get_logger("concierge")
bound = False


class Concierge(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        global log, bound
        if not bound:
            log, bound = log.bind(session=turn.session.session), True
        log.info("chat.asked", text=turn.text)
        yield "Noted."


app = App([Concierge])
