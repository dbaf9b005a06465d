"""What a client's copy of an assistant message may add to the stored one, and what it may not take away."""

from __future__ import annotations

from ..wire.chunks import UIMessage
from .parts import TERMINAL, Part, calls_of, state_of
from .tools import approval_part, result_part, with_part

_OUTCOME = ("state", "output", "errorText", "approval", "preliminary")


def filled(stored: UIMessage, copy: UIMessage) -> UIMessage:
    """The stored message with the results and approvals of the copy for calls that wait for one.

    The very same object when there are none. Nothing else of the copy is taken over, and calls the model
    provider runs itself take nothing from a client.
    """
    theirs = dict(calls_of(copy))
    for id, part in list(calls_of(stored)):
        new = _settled_by(part, theirs[id]) if id in theirs else None
        if new is not None:
            stored = with_part(stored, part, new)
    return stored


def _settled_by(part: Part, theirs: Part) -> Part | None:
    if part.get("providerExecuted") is True:
        return None
    state = state_of(theirs)
    if state in {"output-available", "output-error"}:
        text = theirs.get("errorText")
        return result_part(
            part,
            output=theirs.get("output"),
            state=str(state),
            error_text=text if isinstance(text, str) else None,
        )
    given = theirs.get("approval")
    approval = given if isinstance(given, dict) else {}
    approved, reason = approval.get("approved"), approval.get("reason")
    if state == "output-denied":
        approved = False
    elif state != "approval-responded" or not isinstance(approved, bool):
        return None
    return approval_part(part, approved, reason=reason if isinstance(reason, str) else None)


def overlaid(stored: UIMessage, copy: UIMessage) -> UIMessage:
    """The copy of a trusted client with every outcome the server has already laid back onto it."""
    ours = {id: part for id, part in calls_of(stored) if state_of(part) in TERMINAL}
    for id, part in list(calls_of(copy)):
        if id in ours and any(part.get(key) != ours[id].get(key) for key in _OUTCOME):
            rest = {key: value for key, value in part.items() if key not in _OUTCOME}
            kept = {key: ours[id][key] for key in _OUTCOME if key in ours[id]}
            copy = with_part(copy, part, {**rest, **kept})
    return copy
