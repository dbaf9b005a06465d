"""Results and approvals that come from the visitor's side (protocol 3.7), and what still waits for one (3.8).

Nothing here changes its arguments: a new message shares the untouched parts with the old one.
"""

from __future__ import annotations

from typing import Any

from ..wire.chunks import UIMessage
from .parts import TERMINAL, Part, call_id, calls_of, parts_of, state_of

DEFAULT_ERROR_TEXT = "Tool execution denied by user"
"""Error text of a failed client tool that gave none."""

_TAKES_RESULT = frozenset({"input-available", "approval-requested", "approval-responded"})
_TAKES_APPROVAL = frozenset({"input-available", "approval-requested"})


def find_call(message: UIMessage, tool_call_id: str) -> Part | None:
    """The part of that tool call, ``None`` when the message has no such call."""
    return next((part for id, part in calls_of(message) if id == tool_call_id), None)


def result_part(part: Part, *, output: Any, state: str, error_text: str | None) -> Part | None:
    """The part with its outcome, or ``None`` when it takes none: the first write wins.

    A ``state`` other than ``output-error`` counts as ``output-available``.
    """
    if state_of(part) not in _TAKES_RESULT:
        return None
    if state == "output-error":
        return {**part, "state": "output-error", "errorText": error_text or DEFAULT_ERROR_TEXT}
    return {**part, "state": "output-available", "output": output, "preliminary": False}


def approval_part(part: Part, approved: bool, *, reason: str | None = None) -> Part | None:
    """The part with the visitor's answer, and why where it says so, or ``None`` when it waits for none."""
    if state_of(part) not in _TAKES_APPROVAL:
        return None
    approval = part.get("approval")
    known = approval if isinstance(approval, dict) else {}
    answer = {**known, "id": known.get("id") or part.get("toolCallId"), "approved": approved}
    if reason:
        answer["reason"] = reason
    return {
        **part,
        "state": "approval-responded" if approved else "output-denied",
        "approval": answer,
    }


def with_part(message: UIMessage, old: Part, new: Part) -> UIMessage:
    """The message with one part exchanged; ``old`` is found by identity."""
    return {**message, "parts": [new if part is old else part for part in message["parts"]]}


def apply_result(
    message: UIMessage,
    tool_call_id: str,
    *,
    output: Any = None,
    state: str = "output-available",
    error_text: str | None = None,
) -> UIMessage | None:
    """The message with the outcome of a client tool.

    ``None`` when nothing changes: the call is unknown (see :func:`find_call`) or already has an outcome.
    """
    part = find_call(message, tool_call_id)
    new = part and result_part(part, output=output, state=state, error_text=error_text)
    return with_part(message, part, new) if part and new else None


def apply_approval(message: UIMessage, tool_call_id: str, approved: bool) -> UIMessage | None:
    """The message with the answer to an approval request; ``None`` when nothing changes."""
    part = find_call(message, tool_call_id)
    new = part and approval_part(part, approved)
    return with_part(message, part, new) if part and new else None


def pending(message: UIMessage) -> list[Part]:
    """The calls that wait for the visitor: no outcome and no answer yet.

    Calls the model provider runs itself do not count, nor do calls whose input broke off: no client ever saw
    those whole, so none can answer, and the repair before the next model call ends them.
    """
    return [part for _, part in calls_of(message) if _waits(part)]


def settled(message: UIMessage) -> bool:
    """The barrier of protocol 3.8: every tool call of the message has an outcome or an answer.

    Ask it about the last assistant message after its turn has ended.
    """
    return not any(_waits(part) for _, part in calls_of(message))


def read_on(message: UIMessage) -> bool:
    """Whether the message goes on behind its last tool call, in a step of its own, and every call has its outcome.

    A step is one call of a model, so the model that wrote the last one has read them all. An approval that was given
    is no outcome: the call has yet to run.
    """
    parts = parts_of(message)
    last_call = max((at for at, part in enumerate(parts) if call_id(part)), default=-1)
    return all(state_of(part) in TERMINAL for _, part in calls_of(message)) and any(
        part.get("type") == "step-start" for part in parts[last_call + 1 :]
    )


def _waits(part: Part) -> bool:
    return state_of(part) in _TAKES_APPROVAL and part.get("providerExecuted") is not True


__all__ = [
    "DEFAULT_ERROR_TEXT",
    "apply_approval",
    "apply_result",
    "approval_part",
    "find_call",
    "pending",
    "read_on",
    "result_part",
    "settled",
    "with_part",
]
