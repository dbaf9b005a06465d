"""A stored conversation as what once made it: requests, and the chunks of their answers. And what differs in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from ..wire.chunks import Chunk, UIMessage
from .parts import Part, call_id, state_of, tool_name

MAX_SHOWN: Final = 200
"""Characters of a value in a difference."""

_FOR_OTHERS: Final = frozenset({"providerMetadata", "callProviderMetadata", "resultProviderMetadata"})
_NO_VALUE: Final = object()


class Step(msgspec.Struct, frozen=True):
    """One turn: what a client sent, and the answer that followed; ``None`` when there was none."""

    sent: tuple[UIMessage, ...]
    answer: UIMessage | None


class Difference(msgspec.Struct, frozen=True):
    """Where two transcripts differ. ``message`` counts from 0; ``path`` leads to the value; a value that is not there is
    ``None``. Values are JSON, shortened."""

    message: int
    id: str
    path: str
    recorded: str | None
    replayed: str | None


def steps(messages: Sequence[UIMessage]) -> list[Step]:
    """The turns of a transcript. Answers that follow one another without a message between them had turns of their own,
    which bring nothing new."""
    found: list[Step] = []
    sent: list[UIMessage] = []
    for message in messages:
        if message.get("role") == "assistant":
            found.append(Step(tuple(sent), message))
            sent = []
        else:
            sent.append(message)
    if sent:
        found.append(Step(tuple(sent), None))
    return found


def chunks(message: UIMessage) -> Iterator[Chunk]:
    """The chunks that make this answer when they are folded."""
    start: Chunk = {"type": "start", "messageId": message["id"]}
    if isinstance(message.get("metadata"), dict):
        start["messageMetadata"] = message["metadata"]
    yield start
    for at, part in enumerate(message["parts"]):
        yield from _of_part(part, f"part-{at}")


def rounds(message: UIMessage) -> list[list[Part]]:
    """The parts of an answer by the calls of the model that made them: a call ends with the step it is in, and text
    that follows a tool's outcome comes from the next."""
    found: list[list[Part]] = []
    current: list[Part] = []
    for part in message["parts"]:
        new_call = part.get("type") in {"text", "reasoning"} and any(call_id(each) for each in current)
        if (part.get("type") == "step-start" or new_call) and current:
            found.append(current)
            current = []
        if part.get("type") != "step-start":
            current.append(part)
    return [*found, current] if current else found


def _of_part(part: Part, name: str) -> Iterator[Chunk]:
    kind = part.get("type")
    if kind == "step-start":
        yield {"type": "start-step"}
    elif kind in {"text", "reasoning"}:
        extra = {"providerMetadata": part["providerMetadata"]} if "providerMetadata" in part else {}
        yield {"type": f"{kind}-start", "id": name, **extra}
        yield {"type": f"{kind}-delta", "id": name, "delta": str(part.get("text", ""))}
        yield {"type": f"{kind}-end", "id": name}
    elif call_id(part) is not None:
        yield from _of_call(part)
    elif isinstance(kind, str):
        yield dict(part)


def _of_call(part: Part) -> Iterator[Chunk]:
    id, state = part["toolCallId"], state_of(part)
    call: Chunk = {"toolCallId": id, "toolName": tool_name(part)}
    if part.get("type") == "dynamic-tool":
        call["dynamic"] = True
    for key in ("providerExecuted", "title", "toolMetadata"):
        if key in part:
            call[key] = part[key]
    if "callProviderMetadata" in part:
        call["providerMetadata"] = part["callProviderMetadata"]
    if state == "input-streaming" or "input" not in part:
        yield {"type": "tool-input-start", **call}
    if "rawInput" in part:
        yield {
            "type": "tool-input-error",
            **call,
            "input": part["rawInput"],
            "errorText": str(part.get("errorText", "")),
        }
        return
    if "input" in part:
        yield {"type": "tool-input-available", **call, "input": part["input"]}
    approval = part.get("approval")
    if isinstance(approval, dict):
        yield from _of_approval(id, approval)
    result: Chunk = {"toolCallId": id}
    if "resultProviderMetadata" in part:
        result["providerMetadata"] = part["resultProviderMetadata"]
    match state:
        case "output-available":
            early = {"preliminary": part["preliminary"]} if "preliminary" in part else {}
            yield {"type": "tool-output-available", **result, "output": part.get("output"), **early}
        case "output-error":
            yield {"type": "tool-output-error", **result, "errorText": str(part.get("errorText", ""))}
        case "output-denied":
            yield {"type": "tool-output-denied", "toolCallId": id}


def _of_approval(id: str, approval: dict[str, Any]) -> Iterator[Chunk]:
    request: Chunk = {
        "type": "tool-approval-request",
        "toolCallId": id,
        "approvalId": approval.get("id"),
    }
    for key, source in (("approvalDescriptor", "descriptor"), ("reason", "requestReason")):
        if source in approval:
            request[key] = approval[source]
    for key in ("inputSchemaInput", "signature", "isAutomatic"):
        if key in approval:
            request[key] = approval[key]
    yield request
    if isinstance(approval.get("approved"), bool):
        reason = {"reason": approval["reason"]} if "reason" in approval else {}
        yield {
            "type": "tool-approval-response",
            "approvalId": approval.get("id"),
            "approved": approval["approved"],
            **reason,
        }


def differences(
    recorded: Sequence[UIMessage], replayed: Sequence[UIMessage], *, by_model: bool = False
) -> list[Difference]:
    """Where a replay came out otherwise, message by message.

    ``by_model``: the answers were made anew by an application's own agent, so that their ids, metadata and what
    providers say about themselves are new, and only what was said and done is compared.
    """
    found: list[Difference] = []
    for at in range(max(len(recorded), len(replayed))):
        was = recorded[at] if at < len(recorded) else None
        now = replayed[at] if at < len(replayed) else None
        id = str((was or now or {}).get("id", ""))
        if was is None or now is None:
            missing = (_shown(was) if was else None, _shown(now) if now else None)
            found.append(Difference(at, id, "", *missing))
            continue
        if by_model and was.get("role") == "assistant" == now.get("role"):
            was, now = _said(was), _said(now)
        found += [
            Difference(at, id, path, _shown(one), _shown(other)) for path, one, other in _walk("", was, now)
        ]
    return found


def _said(message: UIMessage) -> UIMessage:
    parts = [
        {key: value for key, value in part.items() if key not in _FOR_OTHERS}
        for part in message["parts"]
        if part.get("type") != "step-start"
    ]
    return {"role": message["role"], "parts": parts}


def _walk(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from _walk(
                f"{path}.{key}" if path else key, one.get(key, _NO_VALUE), other.get(key, _NO_VALUE)
            )
    elif isinstance(one, list) and isinstance(other, list):
        for at in range(max(len(one), len(other))):
            yield from _walk(
                f"{path}[{at}]",
                one[at] if at < len(one) else _NO_VALUE,
                other[at] if at < len(other) else _NO_VALUE,
            )
    elif one is _NO_VALUE or other is _NO_VALUE or one != other or type(one) is not type(other):
        yield path, one, other


def _shown(value: Any) -> str | None:
    if value is _NO_VALUE:
        return None
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
