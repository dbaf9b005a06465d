"""Frames a client sends (protocol 2.1, 3.1), decoded into types; everything else is an application frame."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..errors import BadRequest
from .surrogates import whole

_UNREADABLE = (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for text that is no JSON, of another shape, or nested too deeply."""

Dialect = Literal["v5", "v4", "raw"]
"""What a client speaks: AI SDK 5-7 (canonical), AI SDK 4 data stream, or bare WebSocket (protocol 5)."""


class Init(msgspec.Struct, frozen=True, gc=False):
    """The fetch-like part of a chat request; ``body`` is JSON text."""

    method: str = "POST"
    body: str | None = None


class ChatRequest(msgspec.Struct, frozen=True, tag="cf_agent_use_chat_request", gc=False):
    """Start a turn. ``id`` is unique per request; ``url`` is sent by the AI SDK 4 client only."""

    id: str
    init: Init
    url: str | None = None


class ChatCancel(msgspec.Struct, frozen=True, tag="cf_agent_chat_request_cancel", gc=False):
    """Stop the turn of request ``id``, running or queued."""

    id: str


class ChatClear(msgspec.Struct, frozen=True, tag="cf_agent_chat_clear", gc=False):
    """Forget the whole conversation."""


class SetMessages(msgspec.Struct, frozen=True, tag="cf_agent_chat_messages", gc=False):
    """Upsert messages without starting a turn."""

    messages: list[msgspec.Raw]


class ToolResult(msgspec.Struct, frozen=True, tag="cf_agent_tool_result", gc=False):
    """The outcome of a tool that ran on the client."""

    toolCallId: str
    toolName: str = ""
    output: Any = None
    state: str = "output-available"
    errorText: str | None = None
    autoContinue: bool = False
    clientTools: list[dict[str, Any]] | None = None


class ToolApproval(msgspec.Struct, frozen=True, tag="cf_agent_tool_approval", gc=False):
    """The visitor's answer to an approval request."""

    toolCallId: str
    approved: bool
    autoContinue: bool = False


class ResumeRequest(msgspec.Struct, frozen=True, tag="cf_agent_stream_resume_request", gc=False):
    """Ask whether a stream runs (protocol 3.9)."""

    probeId: str | None = None


class ResumeAck(msgspec.Struct, frozen=True, tag="cf_agent_stream_resume_ack", gc=False):
    """Ready for the replay of ``id``."""

    id: str


class StateUpdate(msgspec.Struct, frozen=True, tag="cf_agent_state", gc=False):
    """Replace the whole state. Without a ``state`` key the frame is an application frame."""

    state: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Rpc(msgspec.Struct, frozen=True, tag="rpc", gc=False):
    """Call a method marked with ``@rpc``."""

    id: str
    method: str
    args: list[Any]


class Minimal(msgspec.Struct, frozen=True, gc=False):
    """The dialect of protocol 5.3: a frame without ``type`` and with a string ``message``."""

    message: str
    context: Any = None


class AppFrame(msgspec.Struct, frozen=True, gc=False):
    """Anything this protocol does not define; goes to the agent's ``on_message``."""

    text: bytes


ClientFrame = (
    ChatRequest
    | ChatCancel
    | ChatClear
    | SetMessages
    | ToolResult
    | ToolApproval
    | ResumeRequest
    | ResumeAck
    | StateUpdate
    | Rpc
)

_decode = msgspec.json.Decoder(ClientFrame).decode


class _Peek(msgspec.Struct, frozen=True, gc=False):
    type: Any = None
    id: Any = None
    message: Any = None
    context: Any = None


_peek = msgspec.json.Decoder(_Peek).decode

_KNOWN: frozenset[str] = frozenset(
    str(t.__struct_config__.tag)
    for t in (
        ChatRequest,
        ChatCancel,
        ChatClear,
        SetMessages,
        ToolResult,
        ToolApproval,
        ResumeRequest,
        ResumeAck,
        StateUpdate,
        Rpc,
    )
)


class BadFrame(BadRequest):
    """A frame of a known type with a wrong or missing field. ``request_id`` is its ``id`` when that is text."""

    code = "frame.invalid"

    def __init__(self, sentence: str, *, remedy: str, type: str, request_id: str | None) -> None:
        super().__init__(sentence, remedy=remedy)
        self.type = type
        self.request_id = request_id


def decode_frame(text: bytes | str) -> ClientFrame | Minimal | AppFrame:
    """The frame as a type. Text that is no JSON object, or of an unknown type, is an :class:`AppFrame`.

    Raises:
        BadFrame: the type is one of ours and a field is missing or of the wrong kind. An ``rpc`` of another
            shape and a ``cf_agent_state`` without ``state`` are application frames (protocol 2.1), not errors.
    """
    try:
        frame: ClientFrame = _decode(text)
    except _UNREADABLE as error:
        return _decode_odd(text, error)
    if isinstance(frame, StateUpdate) and frame.state is msgspec.UNSET:
        return AppFrame(_as_bytes(text))
    return frame


def _decode_odd(text: bytes | str, error: Exception) -> ClientFrame | Minimal | AppFrame:
    mended = whole(text)
    if mended is not None:
        return decode_frame(mended)
    try:
        peek = _peek(text)
    except _UNREADABLE:
        return AppFrame(_as_bytes(text))
    if peek.type is None and isinstance(peek.message, str):
        return Minimal(peek.message, peek.context)
    if isinstance(peek.type, str) and peek.type in _KNOWN and peek.type != "rpc":
        raise BadFrame(
            f"The frame {peek.type} is malformed: {error}.",
            remedy="Send the fields the protocol names for this type; see docs/protocol.md.",
            type=peek.type,
            request_id=peek.id if isinstance(peek.id, str) else None,
        ) from error
    return AppFrame(_as_bytes(text))


def _as_bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")


class ChatBody(msgspec.Struct, frozen=True, gc=False):
    """The JSON inside :class:`Init`. Other keys are the application's own (:func:`decode_body`)."""

    messages: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    message: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    trigger: str | None = None
    clientTools: list[dict[str, Any]] | None = None
    id: Any = msgspec.UNSET


class _ExactBody(ChatBody, frozen=True, forbid_unknown_fields=True):
    """A body without anything of the application's own."""


_exact_body = msgspec.json.Decoder(_ExactBody).decode
_body = msgspec.json.Decoder(ChatBody).decode
_loose = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_OWN = frozenset({"messages", "clientTools", "trigger"})


def decode_body(text: str | bytes) -> tuple[ChatBody, dict[str, Any] | None]:
    """The typed part of a chat request body, and what is left of it for the application (``None`` if nothing).

    Raises:
        BadRequest: not JSON, not an object, or a known key of the wrong kind.
    """
    try:
        # Transcripts of megabytes come with every request, so they are read once where once is enough.
        exact = _exact_body(text)
    except _UNREADABLE:
        pass
    else:
        return exact, _known_rest(exact)
    mended = whole(text)
    if mended is not None:
        return decode_body(mended)
    try:
        body = _body(text)
        rest = {k: msgspec.json.decode(v) for k, v in _loose(text).items() if k not in _OWN}
    except _UNREADABLE as error:
        raise BadRequest(
            f"The body of the chat request is not valid: {error}.",
            remedy='Send a JSON object with "messages" (a list of UI messages) or "message" (one of them).',
        ) from error
    return body, rest or None


def _known_rest(body: ChatBody) -> dict[str, Any] | None:
    rest: dict[str, Any] = {}
    if body.message is not msgspec.UNSET:
        rest["message"] = msgspec.json.decode(body.message)
    if body.id is not msgspec.UNSET:
        rest["id"] = body.id
    return rest or None
