"""What is taken out of a message before it is stored (protocol 3.11). The live stream is not altered."""

from __future__ import annotations

from typing import Any

from ..wire.chunks import UIMessage
from .parts import Part, call_id, tool_name

MAX_PROVIDER_STRING = 500
"""Characters of one string in the input or output of a tool that the model provider ran."""

_EPHEMERAL = ("itemId", "reasoningEncryptedContent")
_METADATA = ("providerMetadata", "callProviderMetadata", "resultProviderMetadata")
_REPLAYED = frozenset({"web_search", "web_fetch"})
"""Tools whose results the provider wants back verbatim."""


def sanitize(message: UIMessage) -> UIMessage:
    """The message as it should be stored; the very same object when there is nothing to take out. Idempotent."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        return message
    kept: list[Any] = []
    changed = False
    for part in parts:
        clean = _part(part) if isinstance(part, dict) else part
        changed = changed or clean is not part
        if clean is not None:
            kept.append(clean)
    return {**message, "parts": kept} if changed else message


def _part(part: Part) -> Part | None:
    for key in _METADATA:
        if key in part:
            part = _without_ephemeral(part, key)
    if part.get("type") == "reasoning" and not part.get("text") and not part.get("providerMetadata"):
        return None
    if part.get("providerExecuted") is True and call_id(part) and tool_name(part) not in _REPLAYED:
        for key in ("input", "output"):
            value = part.get(key)
            try:
                short = _shortened(value)
            except RecursionError:  # nested too deeply to walk; then it stays as it is
                continue
            if short is not value:
                part = {**part, key: short}
    return part


def _without_ephemeral(part: Part, key: str) -> Part:
    """OpenAI's item ids name things that exist for one request only; sent back later they fail the call."""
    metadata = part[key]
    openai = metadata.get("openai") if isinstance(metadata, dict) else None
    if not isinstance(openai, dict) or not any(name in openai for name in _EPHEMERAL):
        return part
    rest = {name: value for name, value in openai.items() if name not in _EPHEMERAL}
    others = {name: value for name, value in metadata.items() if name != "openai"}
    if rest:
        return {**part, key: {**metadata, "openai": rest}}
    if others:
        return {**part, key: others}
    return {name: value for name, value in part.items() if name != key}


def _shortened(value: Any) -> Any:
    """The value with long strings cut, marker included in the limit; the same object when none is long."""
    if isinstance(value, str):
        if len(value) <= MAX_PROVIDER_STRING:
            return value
        marker = f"… [truncated, original length: {len(value)}]"
        return value[: MAX_PROVIDER_STRING - len(marker)] + marker
    if isinstance(value, list):
        items = [_shortened(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        entries = {
            key: item if str(key).startswith("encrypted") else _shortened(item) for key, item in value.items()
        }
        return entries if any(entries[key] is not value[key] for key in value) else value
    return value
