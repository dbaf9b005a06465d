"""Messages as older clients read them (protocol 5.1, 5.5): the AI SDK 4 shape, and v5 with a ``content`` beside it."""

from __future__ import annotations

from typing import Any

from ..wire.chunks import UIMessage
from .data_url import split_data_url
from .v4 import DENIED
from .v4_line import NO_ERROR_TEXT

_PARTIAL = "partial-call"
_CALL = "call"
_RESULT = "result"

_STATES = {
    "input-streaming": _PARTIAL,
    "input-available": _CALL,
    "approval-requested": _CALL,
    "approval-responded": _CALL,
    "output-available": _RESULT,
    "output-error": _RESULT,
    "output-denied": _RESULT,
}


def text_content(message: UIMessage) -> str:
    """The texts of all text parts, one after the other; the message's own ``content`` when it has no parts."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        content = message.get("content")
        return content if isinstance(content, str) else ""
    return "".join(
        p["text"]
        for p in parts
        if isinstance(p, dict) and p.get("type") == "text" and isinstance(p.get("text"), str)
    )


def with_content(message: UIMessage) -> UIMessage:
    """The message unchanged, with ``content`` beside ``parts``: served where the caller's dialect is not known."""
    return {**message, "content": text_content(message)}


def to_v4_message(message: UIMessage) -> UIMessage:
    """The message as AI SDK 4 holds it: ``content``, ``parts`` in its shapes, ``toolInvocations`` and the rest.

    What AI SDK 4 has no place for becomes the nearest thing it has: data parts are annotations, files of a user
    are attachments, a denied or failed call has a text as its result. The given message is not changed.
    """
    out: UIMessage = {"id": message.get("id"), "role": message.get("role"), "content": text_content(message)}
    metadata = message.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    if metadata is not None:
        out["metadata"] = metadata
    if isinstance(known.get("createdAt"), str):
        out["createdAt"] = known["createdAt"]

    parts = message.get("parts")
    sorted_ = _Parts(user=message.get("role") == "user")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict):
            sorted_.add(part)

    out["parts"] = sorted_.parts
    kept = known.get("annotations")
    annotations = [*(kept if isinstance(kept, list) else ()), *sorted_.annotations]
    for key, value in (
        ("toolInvocations", sorted_.invocations),
        ("reasoning", "".join(sorted_.reasoning)),
        ("annotations", annotations),
        ("experimental_attachments", sorted_.attachments),
    ):
        if value:
            out[key] = value
    return out


class _Parts:
    """Sorts the parts of one message into the places AI SDK 4 has for them."""

    def __init__(self, *, user: bool) -> None:
        self._user = user
        self._step = -1
        self.parts: list[dict[str, Any]] = []
        self.invocations: list[dict[str, Any]] = []
        self.reasoning: list[str] = []
        self.annotations: list[Any] = []
        self.attachments: list[dict[str, Any]] = []

    def add(self, part: dict[str, Any]) -> None:
        """Put one v5 part where it belongs."""
        match part.get("type"):
            case "text":
                self.parts.append({"type": "text", "text": _text(part, "text")})
            case "reasoning":
                text = _text(part, "text")
                self.reasoning.append(text)
                detail = {"type": "text", "text": text}
                self.parts.append({"type": "reasoning", "reasoning": text, "details": [detail]})
            case "step-start":
                self._step += 1
                self.parts.append({"type": "step-start"})
            case "file":
                self._file(part)
            case "source-url":
                url = _text(part, "url")
                source = {"sourceType": "url", "id": _text(part, "sourceId") or url, "url": url}
                if isinstance(part.get("title"), str):
                    source["title"] = part["title"]
                self.parts.append({"type": "source", "source": source})
            case str(kind) if kind.startswith("data-"):
                self.annotations.append({k: part[k] for k in ("type", "id", "data") if k in part})
            case str(kind) if kind == "dynamic-tool" or kind.startswith("tool-"):
                self._tool(kind, part)

    def _file(self, part: dict[str, Any]) -> None:
        url = _text(part, "url")
        mime = _text(part, "mediaType")
        if self._user:
            attachment = {"url": url, "contentType": mime, "name": _text(part, "filename")}
            self.attachments.append({k: v for k, v in attachment.items() if v})
            return
        data = split_data_url(url)
        if data is not None:
            self.parts.append({"type": "file", "mimeType": mime or data[0], "data": data[1]})
        elif url:
            self.parts.append({"type": "source", "source": {"sourceType": "url", "id": url, "url": url}})

    def _tool(self, kind: str, part: dict[str, Any]) -> None:
        name = _text(part, "toolName") or kind.removeprefix("tool-")
        state = part.get("state")
        v4_state = _STATES.get(state, _CALL) if isinstance(state, str) else _CALL
        args = part.get("input")
        invocation: dict[str, Any] = {
            "state": v4_state,
            "step": max(self._step, 0),
            "toolCallId": _text(part, "toolCallId"),
            "toolName": name,
            "args": args if isinstance(args, dict) else {},
        }
        if v4_state == _RESULT:
            invocation["result"] = _result(state, part)
        self.invocations.append(invocation)
        self.parts.append({"type": "tool-invocation", "toolInvocation": invocation})


def _result(state: object, part: dict[str, Any]) -> Any:
    if state == "output-error":
        return _text(part, "errorText") or NO_ERROR_TEXT
    if state == "output-denied":
        return DENIED
    return part.get("output")


def _text(part: dict[str, Any], key: str) -> str:
    value = part.get(key)
    return value if isinstance(value, str) else ""
