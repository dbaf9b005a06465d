"""One turn of a conversation, as the author of an agent sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from ..ids import Address
from ..wire.chunks import Chunk, UIMessage
from ..wire.principal import NOBODY, Principal
from .turn_trace import TurnTrace
from .usage import Usage as Usage


class Turn:
    """Everything a handler needs: the conversation so far and what came with the request.

    ``messages`` is the transcript in UI message form, repaired so that a model accepts it; changing it changes
    nothing that is stored. ``body`` is the application's part of the request. ``continuation`` is true when the
    answer extends the last assistant message instead of starting a new one. ``principal`` is who asked: its ``id`` is
    ``user:{subject}``, ``visitor:…``, or empty where nobody did (a turn of the server, no access rule). A stop arrives as
    ``asyncio.CancelledError`` at the handler's next ``await``. ``trace`` notes calls of models and tools.
    """

    __slots__ = (
        "_runs",
        "body",
        "client_tools",
        "continuation",
        "messages",
        "principal",
        "request_id",
        "session",
        "trace",
        "usage",
    )

    def __init__(
        self,
        *,
        session: Address,
        request_id: str,
        messages: Sequence[UIMessage],
        body: dict[str, Any] | None = None,
        client_tools: list[dict[str, Any]] | None = None,
        continuation: bool = False,
        principal: Principal = NOBODY,
        trace: TurnTrace | None = None,
    ) -> None:
        self.session = session
        self.trace = trace or TurnTrace(session)
        self.principal = principal
        self.request_id = request_id
        self.messages = messages
        self.body = body
        self.client_tools = client_tools or []
        self.continuation = continuation
        self.usage = Usage()
        self._runs: list[AsyncGenerator[Chunk]] = []

    @property
    def text(self) -> str:
        """The text of the newest user message, ``""`` when it has none."""
        for message in reversed(self.messages):
            if message["role"] == "user":
                texts = [part.get("text", "") for part in message["parts"] if part.get("type") == "text"]
                return "".join(texts)
        return ""

    def run(self, model: Any, /, **options: Any) -> AsyncIterator[Chunk]:
        """Stream a Pydantic AI agent over this conversation (:func:`cutty_agent.agent.pydantic_ai.run`)."""
        from .pydantic_ai import run  # the import costs a second; agents without a model do not pay it

        stream = run(self, model, **options)
        self._runs.append(stream)
        return stream

    async def close(self) -> None:
        """Close the runs that a stopped handler left open, and their connections; ``usage`` is final afterwards.

        Whoever runs the handler calls this when the handler has ended, because ``async for`` in a handler that is
        closed leaves its source to the garbage collector.
        """
        while self._runs:
            await self._runs.pop().aclose()
