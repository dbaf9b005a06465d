"""One object for all sessions, changed for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from cutty_agent import App, ChatAgent, Turn


class Persona:
    def __init__(self) -> None:
        self.prompt = "Be kind."


class Concierge(ChatAgent):
    def __init__(self, persona: Persona) -> None:
        super().__init__()
        self.persona = persona

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        self.persona.prompt = f"Be kind to the one who says {turn.text}"
        await asyncio.sleep(0.002)
        yield f"I was told: {self.persona.prompt}"


def make_app() -> App:
    persona = Persona()
    return App({"concierge": lambda: Concierge(persona)})


app = make_app()
