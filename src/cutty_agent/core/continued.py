"""A continuation for clients that know the AI SDK's event stream and nothing of ours (protocol 6.2)."""

from __future__ import annotations

from typing import Any

import msgspec

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Continued:
    """Makes the chunks of a continuation ones that the AI SDK takes by themselves.

    Over a socket the text that a crash cut off goes on in the part that is open there, without a beginning; here every
    part has one. ``start`` names the message it extends, and is left out where the response has ``begun`` with the
    stream before this one. What follows a tool's result begins a step, as in the AI SDK's own streams: clients that send
    results by themselves take a last step that is all results for one that waits for an answer.
    """

    def __init__(self, message_id: str, *, begun: bool) -> None:
        self._message_id = message_id
        self._begun = begun
        self._opened: set[object] = set()
        self._content = False

    def read(self, bodies: list[bytes]) -> list[bytes]:
        """The JSON texts of chunks, made so."""
        return [made for body in bodies for made in self._chunk(body)]

    def _chunk(self, body: bytes) -> list[bytes]:
        chunk = _decode(body)
        kind, id = chunk.get("type"), chunk.get("id")
        if kind == "start":
            return [] if self._begun else [_encode({**chunk, "messageId": self._message_id})]
        before: list[dict[str, Any]] = []
        if kind in {"text-delta", "text-end"} and id not in self._opened:
            before.append({"type": "text-start", "id": id})
            self._opened.add(id)
        elif not self._content and kind not in {"start-step", "finish", "error", "abort"}:
            before.append({"type": "start-step"})
        if kind == "text-start":
            self._opened.add(id)
        self._content = True
        return [*map(_encode, before), body]
