"""From the folded chunks of an answer to the message that is stored."""

from __future__ import annotations

from ..agent.base import overrides
from ..agent.chat import ChatAgent
from ..core.compact import compact
from ..core.fold import Fold
from ..core.rows import Row
from ..core.sanitize import sanitize
from ..errors import TooLarge
from ..wire.chunks import UIMessage

SAVE_FAILED = "Failed to save the response."


def stored_answer(agent: ChatAgent, fold: Fold, limit_bytes: int) -> Row | None:
    """The final form: streaming parts closed, sanitised, shortened where the agent asks for it.

    ``None`` when the answer has no content. ``limit_bytes`` is the installation's limit for one message.

    Raises:
        TooLarge: the message is above that limit even so.
    """
    message = fold.finish()
    if fold.empty:
        return None
    return fit(agent, sanitize(message), limit_bytes)


def changes_messages(agent: ChatAgent) -> bool:
    """Whether this agent alters messages before they are stored; then even sanitised ones must go through it."""
    return agent.compact_above_bytes is not None or overrides(agent, "sanitize_message", of=ChatAgent)


def fit(agent: ChatAgent, message: UIMessage, limit_bytes: int) -> Row:
    """A sanitised message as it may be stored.

    Raises:
        TooLarge: it is above ``limit_bytes``, the installation's limit for one message.
    """
    message = agent.sanitize_message(message)
    if agent.compact_above_bytes is not None:
        message = compact(message, agent.compact_above_bytes)
    row = Row.of(message)
    if len(row.body) > limit_bytes:
        raise TooLarge(
            f"The message {row.id} has {len(row.body)} bytes; limits.message_bytes is {limit_bytes}.",
            remedy="Shorten it, or raise CUTTY_LIMITS__MESSAGE_BYTES.",
        )
    return row
