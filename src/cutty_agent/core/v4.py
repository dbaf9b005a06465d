"""The canonical stream as an AI SDK 4 data stream (protocol 5.1), for agents 0.0.106 and ``useChat`` of AI SDK 4."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..wire.chunks import Chunk
from ..wire.response import Outcome
from . import v4_line as v4
from .data_url import split_data_url
from .v4_line import line, text_of

DENIED = "The tool call was denied."
"""The result an AI SDK 4 client gets for a call the visitor refused; it knows no denied state."""


class V4Stream:
    """Translates the chunks of one request. Feed them in order, then take :meth:`close` once.

    ``message_id`` names the answer until a ``start`` chunk does. ``known_calls`` are the tool calls of the
    message that is being continued: this client throws on a result for a call it has not seen, so results for
    others are left out. Only a continuation has a ``start`` without a name; the message it goes on with is the
    client's own, and so are the calls that are not made here. No method raises, whatever the chunks hold.
    """

    def __init__(self, message_id: str = "", *, known_calls: Iterable[str] = ()) -> None:
        self._message_id = message_id
        self._calls = set(known_calls)
        self._extends = False
        self._streaming: set[str] = set()
        self._signed = False
        self._in_step = False
        self._called_in_step = False
        self._finished = False
        self._failed = False
        self._usage: dict[str, int] | None = None

    def feed(self, chunk: Chunk) -> list[str]:
        """The lines of one chunk, each complete with its newline; often one, sometimes none."""
        kind = chunk.get("type")
        if not isinstance(kind, str) or self._failed:
            return []
        if kind.startswith("data-"):
            return [line(v4.DATA, [{k: chunk[k] for k in ("type", "id", "data") if k in chunk}])]
        match kind:
            case "start":
                self._message_id = text_of(chunk, "messageId") or self._message_id
                self._extends = not self._message_id
                self._note_usage(chunk)
                return []
            case "start-step":
                return self._end_step() + self._open_step()
            case "finish-step":
                return self._end_step()
            case "message-metadata":
                self._note_usage(chunk)
                return []
            case "finish":
                self._note_usage(chunk)
                return self._finish(v4.finish_reason(chunk.get("finishReason")))
            case "error":
                return self._error(text_of(chunk, "errorText"))
            case _:
                lines = self._content(kind, chunk)
                return self._open_step() + lines if lines else []

    def frames(self, chunk: Chunk) -> list[str]:
        """The ``body`` of the response frames for one chunk: one frame with all its lines, or none."""
        lines = self.feed(chunk)
        return ["".join(lines)] if lines else []

    def close(self, outcome: Outcome | None, error: str | None = None) -> list[str]:
        """The lines that are missing at the end of the request; none when the stream said it all."""
        if self._failed:
            return []
        if error is not None or outcome == "error":
            return self._error(error or "")
        return [] if self._finished else self._finish(v4.finish_reason(None, outcome))

    def end(self, outcome: Outcome | None, error: str | None = None) -> list[tuple[str, bool]]:
        """The last frames as ``(body, done)``; exactly the last one is done, and its body is empty.

        This client knows no ``error`` flag on frames: the error is a line.
        """
        lines = self.close(outcome, error)
        if self._extends and not self._failed:
            # Before the end of a continuation everybody is sent the transcript, and this client shows that instead of
            # its own copy, which may hold a result of a tool that nobody else knows yet. Any line brings it back.
            lines.append(line(v4.DATA, []))
        last = [("", True)]
        return [("".join(lines), False), *last] if lines else last

    def _content(self, kind: str, chunk: Chunk) -> list[str]:
        match kind:
            case "text-delta":
                delta = text_of(chunk, "delta")
                return [line(v4.TEXT, delta)] if delta else []
            case "reasoning-start":
                self._signed = False
                return []
            case "reasoning-delta" | "reasoning-end":
                return self._reasoning(chunk)
            case "source-url":
                return self._source(chunk)
            case "file":
                return self._file(chunk)
            case _ if kind.startswith("tool-"):
                return self._tool(kind, text_of(chunk, "toolCallId"), chunk)
            case _:
                return []

    def _reasoning(self, chunk: Chunk) -> list[str]:
        delta = text_of(chunk, "delta")
        lines = [line(v4.REASONING, delta)] if delta else []
        metadata = chunk.get("providerMetadata")
        providers = metadata.values() if isinstance(metadata, dict) else ()
        signatures = (p.get("signature") for p in providers if isinstance(p, dict))
        signature = next((s for s in signatures if isinstance(s, str) and s), None)
        if signature is not None and not self._signed:
            self._signed = True
            lines.append(line(v4.SIGNATURE, {"signature": signature}))
        return lines

    def _source(self, chunk: Chunk) -> list[str]:
        url = text_of(chunk, "url")
        if not url:
            return []
        source: dict[str, Any] = {"sourceType": "url", "id": text_of(chunk, "sourceId") or url, "url": url}
        if isinstance(chunk.get("title"), str):
            source["title"] = chunk["title"]
        return [line(v4.SOURCE, source)]

    def _file(self, chunk: Chunk) -> list[str]:
        url = text_of(chunk, "url")
        if not url:
            return []
        data = split_data_url(url)
        if data is None:
            # AI SDK 4 files carry their bytes; one that lives elsewhere is shown as a source instead of not at all.
            return self._source({"url": url, "title": chunk.get("filename")})
        mime, payload = data
        return [line(v4.FILE, {"data": payload, "mimeType": text_of(chunk, "mediaType") or mime})]

    def _tool(self, kind: str, call: str, chunk: Chunk) -> list[str]:
        name = text_of(chunk, "toolName")
        match kind:
            case _ if not call:
                return []
            case "tool-input-start" if call not in self._calls and call not in self._streaming:
                self._streaming.add(call)
                return [line(v4.CALL_START, {"toolCallId": call, "toolName": name})]
            case "tool-input-delta" if call in self._streaming:
                delta = text_of(chunk, "inputTextDelta")
                return [line(v4.CALL_DELTA, {"toolCallId": call, "argsTextDelta": delta})]
            case "tool-input-available":
                return self._call(call, name, chunk)
            case "tool-input-error":
                return [*self._call(call, name, chunk), *self._result(call, text_of(chunk, "errorText"))]
            case "tool-output-available" if chunk.get("preliminary") is not True:
                return self._result(call, chunk.get("output"))
            case "tool-output-error":
                return self._result(call, text_of(chunk, "errorText") or v4.NO_ERROR_TEXT)
            case "tool-output-denied":
                return self._result(call, DENIED)
            case _:
                return []  # an approval request among them: the call stays open

    def _call(self, call: str, name: str, chunk: Chunk) -> list[str]:
        self._called_in_step = True
        if call in self._calls:
            return []
        self._streaming.discard(call)
        self._calls.add(call)
        args = chunk.get("input")
        return [
            line(
                v4.CALL,
                {"toolCallId": call, "toolName": name, "args": args if isinstance(args, dict) else {}},
            )
        ]

    def _result(self, call: str, result: Any) -> list[str]:
        if call not in self._calls and not self._extends:
            return []
        return [line(v4.RESULT, {"toolCallId": call, "result": result})]

    def _open_step(self) -> list[str]:
        if self._in_step:
            return []
        self._in_step = True
        self._called_in_step = False
        # A step line sets the id of the message at the client; without one the client's own id is better. Behind the
        # message it continues the client takes no id, but a step: without it, calls of two steps look like one.
        named = self._message_id or self._extends
        return [line(v4.STEP, {"messageId": self._message_id})] if named else []

    def _end_step(self, reason: str | None = None) -> list[str]:
        if not self._in_step:
            return []
        self._in_step = False
        own = "tool-calls" if self._called_in_step else "stop"
        return [line(v4.STEP_END, {"finishReason": reason or own, "isContinued": False})]

    def _finish(self, reason: str) -> list[str]:
        if self._finished:
            return []
        self._finished = True
        value: dict[str, Any] = {"finishReason": reason}
        if self._usage is not None:
            value["usage"] = self._usage
        return [*self._end_step(reason), line(v4.END, value)]

    def _error(self, text: str) -> list[str]:
        self._failed = True
        return [line(v4.ERROR, text or v4.NO_ERROR_TEXT)]

    def _note_usage(self, chunk: Chunk) -> None:
        self._usage = v4.usage_of(chunk.get("messageMetadata")) or self._usage
