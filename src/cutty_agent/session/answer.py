"""From the folded chunks of an answer to the message that is stored."""

from __future__ import annotations

import msgspec

from ..agent.chat import ChatAgent
from ..core.compact import compact
from ..core.fold import Fold
from ..core.sanitize import sanitize
from ..errors import TooLarge
from ..wire.chunks import UIMessage


def stored_answer(agent: ChatAgent, fold: Fold, limit_bytes: int) -> UIMessage | None:
    """The final form: streaming parts closed, sanitised, shortened where the agent asks for it.

    ``None`` when the answer has no content. ``limit_bytes`` is the installation's limit for one message.

    Raises:
        TooLarge: the message is above that limit even so.
    """
    message = fold.finish()
    if fold.empty:
        return None
    return fit(agent, message, limit_bytes)


def fit(agent: ChatAgent, message: UIMessage, limit_bytes: int) -> UIMessage:
    """A message as it may be stored.

    Raises:
        TooLarge: it is above ``limit_bytes``, the installation's limit for one message.
    """
    message = agent.sanitize_message(sanitize(message))
    if agent.compact_above_bytes is not None:
        message = compact(message, agent.compact_above_bytes)
    size = len(msgspec.json.encode(message))
    if size > limit_bytes:
        raise TooLarge(
            f"The message {message.get('id')} has {size} bytes; limits.message_bytes is {limit_bytes}.",
            remedy="Shorten it, or raise CUTTY_LIMITS__MESSAGE_BYTES.",
        )
    return message
