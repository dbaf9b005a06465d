"""A transcript as the models of Pydantic AI read it. Nothing in a transcript can make the reading fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.ui.vercel_ai import request_types as ui

from ..wire.chunks import UIMessage

CONTINUE = "Continue your last answer exactly where it stops. Do not repeat anything."
"""What the model is asked when an answer was cut off and nothing new was said."""

_TOOL_STATES: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
    "input-streaming": (ui.ToolInputStreamingPart, ui.DynamicToolInputStreamingPart),
    "input-available": (ui.ToolInputAvailablePart, ui.DynamicToolInputAvailablePart),
    "approval-requested": (ui.ToolApprovalRequestedPart, ui.DynamicToolApprovalRequestedPart),
    "approval-responded": (ui.ToolApprovalRespondedPart, ui.DynamicToolApprovalRespondedPart),
    "output-available": (ui.ToolOutputAvailablePart, ui.DynamicToolOutputAvailablePart),
    "output-error": (ui.ToolOutputErrorPart, ui.DynamicToolOutputErrorPart),
    "output-denied": (ui.ToolOutputDeniedPart, ui.DynamicToolOutputDeniedPart),
}

_OWN_DATA = frozenset(
    {"data-tool-availability-delta", "data-capability-load-delta", "data-model-settings-delta"}
)
"""Data parts in which Pydantic AI keeps its own bookkeeping; all others are the application's."""


def ui_messages(messages: Sequence[UIMessage]) -> list[ui.UIMessage]:
    """The transcript in the strict types of Pydantic AI's adapter.

    Unknown parts, keys and roles, and parts that lack what their type needs, are left out. Of a visitor's
    message only text and files are read, without provider metadata, which speaks for the application.
    """
    read: list[ui.UIMessage] = []
    for message in messages:
        parts = [*_parts(message)]
        if not parts or message.get("role") not in {"system", "user", "assistant"}:
            continue
        read.append(
            ui.UIMessage.model_construct(
                id=str(message.get("id", "")), role=message["role"], parts=parts, metadata=None
            )
        )
    return read


def continued(history: list[ModelMessage]) -> list[ModelMessage]:
    """The history with a request at its end, when it ends in an answer that waits for no tool.

    A run over a history that ends in a finished answer would return that answer and ask no model.
    """
    last = history[-1] if history else None
    if not isinstance(last, ModelResponse) or any(isinstance(part, ToolCallPart) for part in last.parts):
        return history
    return [*history, ModelRequest(parts=[UserPromptPart(CONTINUE)])]


def _parts(message: UIMessage) -> Iterator[Any]:
    role, parts = message.get("role"), message.get("parts")
    for part in parts if isinstance(parts, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str):
            continue
        try:
            if role == "assistant":
                found = _of_assistant(kind, part)
            elif kind == "text":
                found = ui.TextUIPart(text=part["text"])
            elif kind == "file" and role == "user":
                found = ui.FileUIPart(url=part["url"], media_type=part["mediaType"])
            else:
                found = None
        except (KeyError, TypeError, ValueError):  # ValidationError is a ValueError
            continue
        if found is not None:
            yield found


def _of_assistant(kind: str, part: dict[str, Any]) -> BaseModel | None:
    metadata = _metadata(part.get("providerMetadata"))
    if kind == "text":
        return ui.TextUIPart(text=part["text"], provider_metadata=metadata)
    if kind == "reasoning":
        return ui.ReasoningUIPart(
            text=part["text"],
            state="streaming" if part.get("state") == "streaming" else "done",
            provider_metadata=metadata,
        )
    if kind == "file":
        file = ui.FileUIPart(url=part["url"], media_type=part["mediaType"], provider_metadata=metadata)
        BinaryContent.from_data_uri(file.url)  # the adapter reads no other files of an assistant
        return file
    if kind == "step-start":
        return ui.StepStartUIPart()
    if kind in _OWN_DATA:
        return ui.DataUIPart(type=kind, data=part["data"])
    if kind == "dynamic-tool" or kind.startswith("tool-"):
        return _tool(kind, part)
    return None


def _tool(kind: str, part: dict[str, Any]) -> BaseModel:
    state = part["state"]
    static, dynamic = _TOOL_STATES[state]
    fields: dict[str, Any] = {
        "type": kind,
        "tool_call_id": part["toolCallId"],
        "input": _object(part.get("input")),
        "provider_executed": True if part.get("providerExecuted") is True else None,
        "call_provider_metadata": _metadata(part.get("callProviderMetadata")),
    }
    if isinstance(approval := part.get("approval"), dict):
        known = ("id", "approved", "reason") if isinstance(approval.get("approved"), bool) else ("id",)
        fields["approval"] = {key: approval[key] for key in known if approval.get(key) is not None}
    if state == "output-available":
        fields["output"] = part.get("output")
    elif state == "output-error":
        fields["error_text"] = str(part.get("errorText") or "The tool failed.")
    if kind == "dynamic-tool":
        return dynamic(**fields, tool_name=part["toolName"])
    return static(**fields)


def _object(value: Any) -> dict[str, Any]:
    """A tool's input as an object: parsed from a string, ``{}`` when it is none (protocol 3.10)."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _metadata(value: Any) -> dict[str, dict[str, Any]] | None:
    if not isinstance(value, dict):
        return None
    return {name: entry for name, entry in value.items() if isinstance(entry, dict)} or None
