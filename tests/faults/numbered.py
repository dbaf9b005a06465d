"""The application of the servers under test. Run as ``python -m cutty_agent serve numbered:app`` in this folder.

A question's text is ``TAG COUNT``; its answer is COUNT words ``TAG:0 TAG:1 …``. So every word says which question
it answers and where it stands, and a word that is lost, doubled or in the wrong place shows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import ClassVar

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.core.recovery import Budget

PAUSE_S = float(os.environ.get("NUMBERED_PAUSE_MS", "2")) / 1000
"""Between two words."""

FILLER = "x" * int(os.environ.get("NUMBERED_FILLER", "0"))
"""Added to every word, to make an answer large."""


def word(tag: str, at: int) -> str:
    """One word of an answer, with the space behind it."""
    return f"{tag}:{at}{FILLER} "


class Chat(ChatAgent):
    """Answers as said above. A continuation goes on behind the last word of the last assistant message."""

    recovery_budget: ClassVar[Budget] = Budget(attempts=10_000, interruptions=10_000, quiet_s=3600.0)

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        """Word after word."""
        said = 0
        if turn.continuation:
            parts = turn.messages[-1]["parts"]
            said = sum(len(part.get("text", "").split()) for part in parts if part.get("type") == "text")
        tag, count = turn.text.split()
        for at in range(said, int(count)):
            yield word(tag, at)
            await asyncio.sleep(PAUSE_S)


class Patient(Chat):
    """The same, but what a crash cuts off is started anew."""

    recovery: ClassVar = "retry"


class Resigned(Chat):
    """The same, but what a crash cuts off stays as it is."""

    recovery: ClassVar = "keep"


app = App([Chat, Patient, Resigned])
