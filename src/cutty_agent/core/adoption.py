"""What of a conversation that began elsewhere is taken over into a new session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from .legacy import message_id, normalise
from .rows import UNREADABLE, read


def adopted(messages: Sequence[bytes | msgspec.Raw]) -> list[bytes]:
    """The messages a client sends of a conversation this server has not seen, as they may be believed.

    Of assistant messages only their text is kept: what a tool returned, or that something was approved, is for nobody
    to claim but the server that saw it. All other messages are returned as they are, for the usual checks.
    """
    kept: list[bytes] = []
    for index, raw in enumerate(messages):
        body = bytes(raw)
        try:
            given = read(body)
        except UNREADABLE:
            kept.append(body)
            continue
        if given.get("role") != "assistant":
            kept.append(body)
        elif (text := _text_alone(given, index)) is not None:
            kept.append(msgspec.json.encode(text))
    return kept


def _text_alone(given: dict[str, Any], index: int) -> dict[str, Any] | None:
    message = normalise(given, index)
    parts = [] if message is None else message["parts"]
    texts = [{"type": "text", "text": p["text"]} for p in parts if p.get("type") == "text" and p.get("text")]
    if not texts or message is None:
        return None
    bare: dict[str, Any] = {"role": "assistant", "parts": texts}
    if message_id(given.get("id")) is not None:  # without one it is named like every message that has none
        bare["id"] = message["id"]
    if isinstance(message.get("metadata"), dict):
        bare["metadata"] = message["metadata"]
    return bare
