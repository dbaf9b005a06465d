"""Messages of AI SDK 4 and of bare clients in today's form (protocol 4.6)."""

from __future__ import annotations

from typing import Any

from ..wire.chunks import UIMessage
from .parts import Part, as_input, call_id

_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "data": "system"}
_STATES = {
    "partial-call": "input-streaming",
    "call": "input-available",
    "result": "output-available",
    "error": "output-error",
}
_TO_METADATA = ("createdAt", "annotations")
_CONVERTED = frozenset({"content", "reasoning", "toolInvocations", "experimental_attachments", *_TO_METADATA})


def normalise(message: dict[str, Any], index: int) -> UIMessage | None:
    """The message in v5 form, the very same object when it is in that form already. Idempotent.

    ``index`` is its place in the list, for the id ``msg-{index}`` of a message without one. ``None`` when it is
    no message: no role of ours, or neither parts nor content.
    """
    given = message.get("role")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        return None
    parts = _parts(message)
    if parts is None:
        return None
    result: UIMessage = {key: value for key, value in message.items() if key not in _CONVERTED}
    result |= {"id": message_id(message.get("id")) or f"msg-{index}", "role": role, "parts": parts}
    metadata = result.get("metadata")
    if metadata is None or isinstance(metadata, dict):
        moved = {key: message[key] for key in _TO_METADATA if message.get(key)}
        if moved:
            result["metadata"] = {**moved, **(metadata or {})}
    return message if result == message else result


def message_id(id: object) -> str | None:
    """The id as text (old clients number their messages), ``None`` when there is none."""
    if isinstance(id, str):
        return id or None
    if isinstance(id, (int, float)) and not isinstance(id, bool):
        return str(int(id)) if id == id and abs(id) < 1e300 and id == int(id) else str(id)
    return None


def _parts(message: dict[str, Any]) -> list[Part] | None:
    given = message.get("parts")
    has_parts = isinstance(given, list)
    parts = [new for old in given if (new := _part(old)) is not None] if isinstance(given, list) else []
    if not parts:
        content = _content(message.get("content"))
        if content is None and not has_parts and not _has_v4_fields(message):
            return None
        parts = content or []
    reasoning = message.get("reasoning")
    if isinstance(reasoning, str) and reasoning and not any(p.get("type") == "reasoning" for p in parts):
        parts.insert(0, {"type": "reasoning", "text": reasoning})
    known = {call_id(part) for part in parts}
    for invocation in _list(message.get("toolInvocations")):
        call = _invocation(invocation)
        if call is not None and call["toolCallId"] not in known:
            known.add(call["toolCallId"])
            parts.append(call)
    for attachment in _list(message.get("experimental_attachments")):
        file = _attachment(attachment)
        if file is not None and file not in parts:
            parts.append(file)
    return parts


def _has_v4_fields(message: dict[str, Any]) -> bool:
    return any(_list(message.get(key)) for key in ("toolInvocations", "experimental_attachments"))


def _content(content: object) -> list[Part] | None:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list):
        entries = (
            _part(entry) for entry in content if isinstance(entry, dict) and entry.get("type") == "text"
        )
        return [entry for entry in entries if entry is not None]
    return None


def _part(part: object) -> Part | None:
    """The part in v5 form, ``None`` when it cannot be one."""
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return None
    kind = part["type"]
    if kind == "text":
        return part if isinstance(part.get("text"), str) else None
    if kind == "tool-invocation" and "toolInvocation" in part:
        return _invocation(part["toolInvocation"])
    if kind == "reasoning" and "text" not in part:
        text = part.get("reasoning")
        rest = {key: value for key, value in part.items() if key not in {"reasoning", "details"}}
        return {**rest, "text": text} if isinstance(text, str) else None
    if kind == "file" and "url" not in part and isinstance(part.get("data"), str):
        return _file(part)
    if kind == "source" and isinstance(part.get("source"), dict):
        return _source(part["source"])
    if (
        call_id(part)
        and part.get("state") != "input-streaming"
        and not isinstance(part.get("input", {}), dict)
    ):
        return {**part, "input": as_input(part["input"])}
    return part


def _invocation(invocation: object) -> Part | None:
    if not isinstance(invocation, dict):
        return None
    id, name, state = (invocation.get(key) for key in ("toolCallId", "toolName", "state"))
    if not isinstance(id, str) or not id or not isinstance(name, str) or not name:
        return None
    fallback = "output-available" if "result" in invocation else "input-available"
    state = _STATES.get(state, fallback) if isinstance(state, str) else fallback
    part: Part = {"type": f"tool-{name}", "toolCallId": id, "toolName": name, "state": state}
    if state != "input-streaming":
        part["input"] = as_input(invocation.get("args"))
    if state == "output-available":
        part["output"] = invocation.get("result")
    if state == "output-error":
        text = invocation.get("error") or invocation.get("result")
        part["errorText"] = text if isinstance(text, str) else "The tool call failed."
    return part


def _file(part: dict[str, Any]) -> Part:
    media = part.get("mimeType") or part.get("mediaType") or "application/octet-stream"
    rest = {key: value for key, value in part.items() if key not in {"mimeType", "data"}}
    data: str = part["data"]
    url = data if data.startswith(("data:", "http:", "https:")) else f"data:{media};base64,{data}"
    return {**rest, "mediaType": media, "url": url}


def _source(source: dict[str, Any]) -> Part | None:
    if not isinstance(source.get("url"), str):
        return None
    part: Part = {"type": "source-url", "sourceId": source.get("id") or source["url"], "url": source["url"]}
    for old, new in (("title", "title"), ("providerMetadata", "providerMetadata")):
        if source.get(old) is not None:
            part[new] = source[old]
    return part


def _attachment(attachment: object) -> Part | None:
    if not isinstance(attachment, dict) or not isinstance(attachment.get("url"), str):
        return None
    media = attachment.get("contentType") or "application/octet-stream"
    part: Part = {"type": "file", "mediaType": media, "url": attachment["url"]}
    if isinstance(attachment.get("name"), str):
        part["filename"] = attachment["name"]
    return part


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
