"""Mending a transcript before a model reads it (protocol 3.10): providers want one outcome for every tool call."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..wire.chunks import UIMessage
from .parts import Part, as_input, call_id, state_of, tool_name

INTERRUPTED = "The tool call was interrupted before a result was recorded."
NOT_RUN = "The tool call was approved but did not run before the next turn started."


def repair(
    messages: Sequence[UIMessage], client_tools: Collection[str], *, continuing: bool = False
) -> tuple[list[UIMessage], list[str]]:
    """``(messages, ids of those that changed)``; unchanged messages are the very same objects.

    Call it when no turn of the session runs. Calls of ``client_tools`` that wait for the visitor and approval
    requests are left alone. With ``continuing`` the approved calls of the last message are left to run now.
    """
    result: list[UIMessage] = []
    changed: list[str] = []
    for at, message in enumerate(messages):
        last = continuing and at == len(messages) - 1
        mended = (
            _message(message, client_tools, to_run=last) if message.get("role") == "assistant" else message
        )
        if mended is not message:
            changed.append(message["id"])
        result.append(mended)
    return result, changed


def _message(message: UIMessage, client_tools: Collection[str], *, to_run: bool) -> UIMessage:
    parts = message.get("parts")
    if not isinstance(parts, list):
        return message
    mended = [
        _call(part, client_tools, to_run=to_run) if isinstance(part, dict) and call_id(part) else part
        for part in parts
    ]
    if all(new is old for new, old in zip(mended, parts, strict=True)):
        return message
    return {**message, "parts": mended}


def _call(part: Part, client_tools: Collection[str], *, to_run: bool) -> Part:
    state = state_of(part)
    on_client = tool_name(part) in client_tools
    approval = part.get("approval")
    refused = isinstance(approval, dict) and approval.get("approved") is False
    if state == "input-streaming" or (state == "input-available" and not on_client):
        # An input that broke off is lost on a client too: it was never shown the call.
        part = {**part, "state": "output-error", "errorText": INTERRUPTED}
    elif state == "approval-responded" and refused:
        part = {**part, "state": "output-denied"}
    elif state == "approval-responded" and not on_client and not to_run:
        part = {**part, "state": "output-error", "errorText": NOT_RUN}
    if not isinstance(part.get("input"), dict):
        part = {**part, "input": as_input(part.get("input"))}
    return part
