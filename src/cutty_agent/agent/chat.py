"""The chat agent: an :class:`Agent` with a transcript and turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from ..core.recovery import Budget, Policy
from ..errors import CuttyError
from ..wire.chunks import Chunk, UIMessage
from .base import Agent
from .turn import Turn


class ChatResponse(msgspec.Struct, frozen=True):
    """How a turn ended. ``message`` is the stored answer, ``None`` when there is none."""

    request_id: str
    status: Literal["completed", "error", "aborted"]
    message: UIMessage | None
    continuation: bool
    error: str | None = None


class ChatAgent(Agent):
    """Override :meth:`on_chat_message`; everything else has a default."""

    message_concurrency: ClassVar[str | dict[str, Any]] = "queue"
    """What overlapping submits do: ``queue``, ``latest``, ``merge``, ``drop``, or
    ``{"strategy": "debounce", "debounceMs": 500}`` (protocol 3.5)."""

    max_persisted_messages: ClassVar[int | None] = None
    """Keep only this many newest messages; ``None`` keeps all."""

    compact_above_bytes: ClassVar[int | None] = None
    """Shorten stored messages above this many bytes of JSON; ``None`` stores them whole."""

    trust_client_history: ClassVar[bool] = False
    """Adopt assistant messages that a client sends and the server does not know."""

    recovery: ClassVar[Policy] = "continue"
    """What follows a crash in the middle of an answer: ``continue`` it, ``retry`` it from its beginning, or
    ``keep`` the partial answer and end the turn. A turn without any output is always retried, unless ``keep``."""

    recovery_budget: ClassVar[Budget] = Budget()
    """How often and how long recovery is tried."""

    stream_stall_timeout_ms: ClassVar[int] = 0
    """Milliseconds without anything from the handler after which the turn counts as stalled: the handler is cancelled
    and :attr:`recovery` decides what follows, as after a crash. 0 waits for ever. Tools that run long count as silence."""

    async def on_chat_message(self, turn: Turn) -> Any:
        """Answer a message.

        Write it as an async generator that yields strings or chunks, or return an (async) iterator of any
        framework's stream, a string, or ``None``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define on_chat_message.")

    async def on_chat_response(self, response: ChatResponse) -> None:
        """A turn that ran has ended and is stored. May start further turns; its errors are only logged."""

    def on_error(self, turn: Turn, error: Exception) -> str:
        """The text a visitor reads when a turn fails; the default hides everything but our own errors."""
        if isinstance(error, CuttyError):
            return str(error)
        return "Something went wrong while answering. Please try again."

    def sanitize_message(self, message: UIMessage) -> UIMessage:
        """Last change to a message before it is stored, a visitor's as well as an answer: for redaction, or to keep it
        small. The model and the other clients see a visitor's message as it is stored.

        What an answer streams is not altered by this: override :meth:`redact_chunk` too where nothing may be shown or
        stored meanwhile. The ``body`` that comes with a request is stored with its turn as it is.
        """
        return message

    def redact_chunk(self, chunk: Chunk) -> Chunk | None:
        """Last change to a chunk of an answer before it is shown or stored; ``None`` leaves it out.

        Text comes as ``{"type": "text-delta", "delta": …}`` in pieces as the model makes them: what may be split over
        two of them must be held back in ``self`` and joined here.
        """
        return chunk

    @property
    def messages(self) -> Sequence[UIMessage]:
        """The transcript, oldest first. Changing it changes nothing that is stored."""
        return self.host.messages()

    async def save_messages(self, messages: Sequence[UIMessage]) -> str:
        """Add messages and start a turn on them; returns its request id. The turn runs in its order."""
        return await self.host.save_messages(messages)

    def abort(self, request_id: str | None = None) -> None:
        """Stop one turn of this session, or all of them."""
        self.host.abort(request_id)


AgentFactory = Callable[[], ChatAgent]
"""Makes the agent of one session; a subclass of :class:`ChatAgent` is one."""
