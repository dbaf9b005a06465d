"""The answer of one turn, accumulated from its chunks into one assistant message (protocol 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..wire.chunks import Chunk, UIMessage
from ..wire.client import ToolApproval, ToolResult
from .calls import Calls
from .parts import TERMINAL, Part, parts_of, state_of
from .runs import Runs
from .tools import approval_part, result_part


class Fold:
    """Accumulates the chunks of one answer. Malformed and unknown chunks change nothing and never raise.

    ``base`` is the message a continuation extends: its parts are copied, it keeps its id, and grows. Values inside
    parts and chunks are taken over and never changed in place, only exchanged; callers hold to the same rule.
    """

    __slots__ = (
        "_calls",
        "_data_parts",
        "_extra",
        "_floor",
        "_metadata",
        "_open_text",
        "_parts",
        "_runs",
        "continuation",
        "finish_reason",
        "message_id",
    )

    def __init__(self, message_id: str, *, base: UIMessage | None = None) -> None:
        self.message_id = message_id
        self.continuation = base is not None
        self.finish_reason: str | None = None
        """The reason of the last ``finish`` chunk (protocol 3.8)."""
        self._extra: dict[str, Any] = {}
        self._metadata: Any = None
        self._parts: list[Part] = []
        self._data_parts: dict[tuple[str, str], Part] = {}
        if base is not None:
            self._take_over(base)
            self._data_parts = {
                _data_key(p): p for p in self._parts if str(p.get("type")).startswith("data-")
            }
        self._floor = len(self._parts)
        self._calls = Calls(self._parts)
        self._runs = Runs(self._parts)
        self._open_text = self._runs.text

    def _take_over(self, base: UIMessage) -> None:
        own = {"id", "role", "metadata", "parts"}
        self._extra = {key: value for key, value in base.items() if key not in own}
        self._metadata = base.get("metadata")
        if isinstance(base.get("id"), str) and base["id"]:
            self.message_id = base["id"]
        self._parts.extend(dict(part) for part in parts_of(base))

    # -- reading -------------------------------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        """No part but ``step-start`` yet, those of the base included."""
        return all(part.get("type") == "step-start" for part in self._parts)

    @property
    def open_text(self) -> bool:
        """The last text part is an open one of the base that no id of this stream writes to yet."""
        run = self._runs.last_open("text")
        return (
            run is not None and not run.named and any(run.part is part for part in self._parts[: self._floor])
        )

    def message(self) -> UIMessage:
        """The message as it is now; later chunks do not change what was returned."""
        self._runs.flush()
        message: UIMessage = {"id": self.message_id, "role": "assistant", **self._extra}
        if self._metadata is not None:
            message["metadata"] = self._metadata
        message["parts"] = [dict(part) for part in self._parts]
        return message

    def finish(self) -> UIMessage:
        """Close what is open and return the final form. Half-streamed tool inputs stay ``input-streaming``."""
        self._runs.close_all()
        return self.message()

    def tool(self, tool_call_id: str) -> Part | None:
        """A copy of the part of that call, ``None`` when there is none."""
        part = self._calls.get(tool_call_id)
        return dict(part) if part is not None else None

    # -- writing -------------------------------------------------------------------------------------------

    def apply(self, chunk: Chunk) -> None:
        """Take one chunk of any type of AI SDK 5 to 7."""
        kind = chunk.get("type")
        if not isinstance(kind, str):
            return
        if kind in _RUN_HANDLERS:
            _RUN_HANDLERS[kind](self._runs, chunk)
        elif kind in _CALL_HANDLERS:
            _CALL_HANDLERS[kind](self._calls, chunk)
        elif kind in _HANDLERS:
            _HANDLERS[kind](self, chunk)
        elif kind in _PUSHED:
            self._push(chunk)
        elif kind.startswith("data-"):
            self._data(chunk)

    def text_start(self, id: str) -> None:
        """The same as applying ``{"type": "text-start", "id": id}``."""
        self._runs.begin("text", id)

    def text_end(self, id: str) -> None:
        """The same as applying ``{"type": "text-end", "id": id}``."""
        run = self._open_text.get(id)
        if run is not None:
            self._runs.close(run)
        else:
            self._runs.end({"type": "text-end", "id": id})

    def text_deltas(self, id: str, deltas: Sequence[str]) -> None:
        """The same as applying ``{"type": "text-delta", "id": id, "delta": delta}`` for each, and cheaper."""
        run = self._open_text.get(id)
        if run is None:
            run = self._runs.find("text", id)
        run.pieces.extend(deltas)

    def adopt_text(self, id: object) -> None:
        """Let deltas with this id flow into the open text part (see :func:`continuation_chunk`)."""
        run = self._runs.last_open("text")
        if run is not None and isinstance(id, str):
            self._open_text[id] = run
            run.named = True

    def apply_result(self, tool_call_id: str, *, output: Any, state: str, error_text: str | None) -> bool:
        """A client tool's outcome for a call of the running answer; false when it changes nothing."""
        part = self._calls.get(tool_call_id)
        new = part and result_part(part, output=output, state=state, error_text=error_text)
        return self._exchange(part, new)

    def apply_approval(self, tool_call_id: str, approved: bool) -> bool:
        """The visitor's answer for a call of the running answer; false when it changes nothing."""
        part = self._calls.get(tool_call_id)
        return self._exchange(part, part and approval_part(part, approved))

    def settle(self, said: ToolResult | ToolApproval) -> bool:
        """What a client said about a call of the running answer; false when it changes nothing."""
        if isinstance(said, ToolApproval):
            return self.apply_approval(said.toolCallId, said.approved)
        return self.apply_result(
            said.toolCallId, output=said.output, state=said.state, error_text=said.errorText
        )

    def _exchange(self, part: Part | None, new: Part | None) -> bool:
        if not part or not new:
            return False
        self._calls.replace(part, new)
        return True

    # -- everything else -----------------------------------------------------------------------------------

    def _start(self, chunk: Chunk) -> None:
        id = chunk.get("messageId")
        if isinstance(id, str) and id and not self.continuation and not self._parts:
            self.message_id = id
        self._merge_metadata(chunk)

    def _finish(self, chunk: Chunk) -> None:
        reason = chunk.get("finishReason")
        self.finish_reason = reason if isinstance(reason, str) else self.finish_reason
        self._merge_metadata(chunk)

    def _abort(self, chunk: Chunk) -> None:
        self._runs.close_all()

    def _merge_metadata(self, chunk: Chunk) -> None:
        new = chunk.get("messageMetadata")
        if isinstance(new, dict):
            old = self._metadata if isinstance(self._metadata, dict) else {}
            self._metadata = {**old, **new}

    def _push(self, chunk: Chunk) -> None:
        field, kind = _PUSHED[chunk["type"]]
        if isinstance(chunk.get(field), kind):
            self._parts.append(dict(chunk))

    def _start_step(self, chunk: Chunk) -> None:
        self._parts.append({"type": "step-start"})

    def _reset_step(self, chunk: Chunk) -> None:
        """Throw away what the current step wrote; its ``step-start`` stays, and so does what was stored before."""
        keep = len(self._parts)
        while keep > self._floor and self._parts[keep - 1].get("type") != "step-start":
            keep -= 1
        gone = {id(part) for part in self._parts[keep:]}
        del self._parts[keep:]
        self._runs.forget(gone)
        self._data_parts = {key: part for key, part in self._data_parts.items() if id(part) not in gone}
        self._calls.reindex()

    def _data(self, chunk: Chunk) -> None:
        if chunk.get("transient") is True or "data" not in chunk:
            return
        key = _data_key(chunk)
        known = self._data_parts.get(key)
        if known is not None and key[1]:
            known["data"] = chunk["data"]
            return
        part: Part = {"type": chunk["type"], "data": chunk["data"]}
        if chunk.get("id") is not None:
            part["id"] = chunk["id"]
        self._parts.append(part)
        self._data_parts[key] = part


def _data_key(part: Part) -> tuple[str, str]:
    """What makes two data parts the same one; without an id (``""``) none is the same as another."""
    id = part.get("id")
    return part["type"], "" if id is None else repr(id)


_HANDLERS: dict[str, Callable[[Fold, Chunk], None]] = {
    "start": Fold._start,
    "message-metadata": Fold._merge_metadata,
    "finish": Fold._finish,
    "abort": Fold._abort,
    "start-step": Fold._start_step,
    "step-start": Fold._start_step,
    "reset-step": Fold._reset_step,
}

_PUSHED: dict[str, tuple[str, type]] = {
    "file": ("url", str),
    "reasoning-file": ("url", str),
    "source-url": ("url", str),
    "source-document": ("sourceId", str),
    "custom": ("kind", str),
    "steering-message": ("parts", list),
}
"""Chunks that become parts as they are, each with the field it cannot do without."""

_RUN_HANDLERS: dict[str, Callable[[Runs, Chunk], None]] = {
    "text-start": Runs.start,
    "text-delta": Runs.delta,
    "text-end": Runs.end,
    "reasoning-start": Runs.start,
    "reasoning-delta": Runs.delta,
    "reasoning-end": Runs.end,
}

_CALL_HANDLERS: dict[str, Callable[[Calls, Chunk], None]] = {
    "tool-input-start": Calls.input_start,
    "tool-input-delta": Calls.input_delta,
    "tool-input-available": Calls.input_available,
    "tool-input-error": Calls.input_error,
    "tool-approval-request": Calls.approval_request,
    "tool-approval-response": Calls.approval_response,
    "tool-output-denied": Calls.output_denied,
    "tool-output-available": Calls.output_available,
    "tool-output-error": Calls.output_error,
}

_INPUT_CHUNKS = frozenset(
    {"tool-input-start", "tool-input-delta", "tool-input-available", "tool-input-error"}
)
_DECISION_CHUNKS = frozenset({"tool-approval-request", "tool-output-denied"})


def continuation_chunk(fold: Fold, chunk: Chunk) -> Chunk | None:
    """What a continuation stores and sends of a chunk it produced (protocol 3.8); ``None`` drops it.

    Ask before applying the chunk. A dropped ``text-start`` leaves its id with the fold, so that the deltas that
    follow reach the text part they extend.
    """
    kind = chunk.get("type")
    if not isinstance(kind, str):
        return None
    if kind == "start" and "messageId" in chunk:
        return {key: value for key, value in chunk.items() if key != "messageId"}
    if kind == "text-start" and fold.open_text:
        fold.adopt_text(chunk.get("id"))
        return None
    if kind in _INPUT_CHUNKS or kind in _DECISION_CHUNKS:
        id = chunk.get("toolCallId")
        part = fold.tool(id) if isinstance(id, str) else None
        if part is None:
            return chunk
        state = state_of(part)
        if kind in _INPUT_CHUNKS:
            return chunk if state == "input-streaming" else None
        return None if state in TERMINAL or state == "approval-responded" else chunk
    return chunk
