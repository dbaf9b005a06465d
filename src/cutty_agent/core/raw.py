"""The canonical stream for bare WebSocket front ends (protocol 5.2, 5.3): one line in a frame, three codes."""

from __future__ import annotations

from ..wire.chunks import Chunk
from ..wire.response import Outcome
from . import v4_line as v4
from .v4_line import line, text_of


class RawStream:
    """Translates the chunks of one request. Feed them in order, then take :meth:`end` once.

    These front ends parse a frame as one code and one JSON value, know text, the message id and the end, and
    close the bubble at each end. So: text line by line, one id, one end after everything, tools unseen, errors as
    text. No method raises, whatever the chunks hold.
    """

    def __init__(self, message_id: str = "") -> None:
        self._message_id = message_id
        self._named = False
        self._failed = False
        self._reason: object = None
        self._usage: dict[str, int] | None = None

    def frames(self, chunk: Chunk) -> list[str]:
        """The ``body`` of the response frames for one chunk, exactly one line each."""
        if self._failed:
            return []
        match chunk.get("type"):
            case "start":
                self._message_id = text_of(chunk, "messageId") or self._message_id
                self._note(chunk)
                return self._name()
            case "text-delta":
                delta = text_of(chunk, "delta")
                return [*self._name(), line(v4.TEXT, delta)] if delta else []
            case "message-metadata" | "finish":
                self._note(chunk)
                return []
            case "error":
                return self._error(text_of(chunk, "errorText"))
            case _:
                return []

    def end(self, outcome: Outcome | None, error: str | None = None) -> list[tuple[str, bool]]:
        """The last frames as ``(body, done)``. The end line is the last, and done: an empty body would be ignored."""
        failed = self._failed or error is not None or outcome == "error"
        lines = self._error(error or "") if failed and not self._failed else []
        reason = "error" if failed else v4.finish_reason(self._reason, outcome)
        value: dict[str, object] = {"finishReason": reason, "isContinued": False}
        if self._usage is not None:
            value["usage"] = self._usage
        return [*((body, False) for body in lines), (line(v4.STEP_END, value), True)]

    def _name(self) -> list[str]:
        if self._named or not self._message_id:
            return []
        self._named = True
        return [line(v4.STEP, {"messageId": self._message_id})]

    def _error(self, text: str) -> list[str]:
        self._failed = True
        return [*self._name(), line(v4.TEXT, text or v4.NO_ERROR_TEXT)]

    def _note(self, chunk: Chunk) -> None:
        self._reason = chunk.get("finishReason") or self._reason
        self._usage = v4.usage_of(chunk.get("messageMetadata")) or self._usage
