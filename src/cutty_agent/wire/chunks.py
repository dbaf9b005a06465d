"""UI message chunks (protocol 4.1): what an agent yields and a stream stores.

Inside the server a chunk is a plain ``dict`` with a ``type``, as it is on the wire, so that unknown keys
survive. The types here are for authors who prefer names that an editor can check.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

Chunk: TypeAlias = dict[str, Any]
"""One UI message chunk in wire form, ``{"type": "text-delta", "id": "t1", "delta": "Hel"}``."""

UIMessage: TypeAlias = dict[str, Any]
"""One message in wire form: ``id``, ``role`` (user, assistant, system), ``parts``, optional ``metadata``."""


class _Typed(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel", tag_field="type"):
    def as_chunk(self) -> Chunk:
        """The wire form."""
        chunk: Chunk = msgspec.to_builtins(self)
        return chunk


class Start(_Typed, tag="start"):
    """Begin the answer; the server stamps ``messageId`` when it is absent."""

    message_id: str | None = None
    message_metadata: Any = None


class StartStep(_Typed, tag="start-step"):
    """A model step begins."""


class FinishStep(_Typed, tag="finish-step"):
    """A model step ended."""


class TextStart(_Typed, tag="text-start"):
    """Open a text part."""

    id: str


class TextDelta(_Typed, tag="text-delta"):
    """More text of an open part."""

    id: str
    delta: str


class TextEnd(_Typed, tag="text-end"):
    """Close a text part."""

    id: str


class ReasoningStart(_Typed, tag="reasoning-start"):
    """Open a reasoning part."""

    id: str


class ReasoningDelta(_Typed, tag="reasoning-delta"):
    """More reasoning of an open part."""

    id: str
    delta: str


class ReasoningEnd(_Typed, tag="reasoning-end"):
    """Close a reasoning part."""

    id: str


class ToolInputStart(_Typed, tag="tool-input-start"):
    """A tool call begins; its input may stream."""

    tool_call_id: str
    tool_name: str
    dynamic: bool | None = None


class ToolInputDelta(_Typed, tag="tool-input-delta"):
    """More raw JSON of a tool's input."""

    tool_call_id: str
    input_text_delta: str


class ToolInputAvailable(_Typed, tag="tool-input-available"):
    """The whole input of a tool call."""

    tool_call_id: str
    tool_name: str
    input: Any
    dynamic: bool | None = None


class ToolOutputAvailable(_Typed, tag="tool-output-available"):
    """The result of a tool call."""

    tool_call_id: str
    output: Any


class ToolOutputError(_Typed, tag="tool-output-error"):
    """A tool call failed."""

    tool_call_id: str
    error_text: str


class ToolApprovalRequest(_Typed, tag="tool-approval-request"):
    """Ask the visitor before a tool runs."""

    approval_id: str
    tool_call_id: str


class SourceUrl(_Typed, tag="source-url"):
    """A web source of the answer."""

    source_id: str
    url: str
    title: str | None = None


class File(_Typed, tag="file"):
    """A file of the answer; ``url`` may be a data URL."""

    url: str
    media_type: str


class MessageMetadata(_Typed, tag="message-metadata"):
    """Merge keys into the metadata of the answer."""

    message_metadata: Any


class Error(_Typed, tag="error"):
    """End the turn with an error the visitor may read."""

    error_text: str


class Finish(_Typed, tag="finish"):
    """The answer is complete."""

    finish_reason: str | None = None
    message_metadata: Any = None


def data(name: str, value: Any, *, id: str | None = None, transient: bool = False) -> Chunk:
    """A ``data-{name}`` chunk; one with the ``id`` of an earlier one replaces it, a transient one is not kept."""
    chunk: Chunk = {"type": f"data-{name}", "data": value}
    if id is not None:
        chunk["id"] = id
    if transient:
        chunk["transient"] = True
    return chunk


TypedChunk: TypeAlias = _Typed
