"""A stored message as the chunks that would make it (protocol 3.8, rebuild on acknowledgement)."""

from __future__ import annotations

from ..wire.chunks import Chunk, UIMessage

JOINED = "joined-text"
"""Id of the text part that a continuation goes on writing: in what rebuilds it, and in the chunks that follow."""


def rebuild(message: UIMessage) -> list[Chunk]:
    """Chunks that re-create every part of ``message``, ``start`` with its id first and no ``finish``.

    A last text part that is still open stays so, under the id :data:`JOINED`.
    """
    start: Chunk = {"type": "start", "messageId": message["id"]}
    if message.get("metadata") is not None:
        start["messageMetadata"] = message["metadata"]
    chunks = [start]
    parts = message["parts"]
    texts = [index for index, part in enumerate(parts) if part.get("type") == "text"]
    joined = texts[-1] if texts and parts[texts[-1]].get("state") == "streaming" else None
    for index, part in enumerate(parts):
        if index == joined:
            chunks += _part(part, JOINED)[:-1]
        else:
            chunks += _part(part, f"rebuilt-{index}")
    return chunks


def _part(part: dict[str, object], part_id: str) -> list[Chunk]:
    kind = str(part.get("type", ""))
    if kind == "step-start":
        return [{"type": "start-step"}]
    if kind in {"text", "reasoning"}:
        begin: Chunk = {"type": f"{kind}-start", "id": part_id}
        end: Chunk = {"type": f"{kind}-end", "id": part_id}
        if part.get("providerMetadata") is not None:
            end["providerMetadata"] = part["providerMetadata"]
        return [begin, {"type": f"{kind}-delta", "id": part_id, "delta": part.get("text", "")}, end]
    if kind == "dynamic-tool" or kind.startswith("tool-"):
        return _tool(part, kind)
    return [dict(part)]


def _tool(part: dict[str, object], kind: str) -> list[Chunk]:
    call = {"toolCallId": part.get("toolCallId")}
    name = part.get("toolName") or kind.removeprefix("tool-")
    flags: Chunk = {"dynamic": True} if kind == "dynamic-tool" else {}
    if part.get("providerExecuted"):
        flags["providerExecuted"] = True
    state = part.get("state")
    if state == "input-streaming":
        return [{"type": "tool-input-start", **call, "toolName": name, **flags}]
    chunks: list[Chunk] = [
        {"type": "tool-input-available", **call, "toolName": name, "input": part.get("input"), **flags}
    ]
    approval = part.get("approval")
    if isinstance(approval, dict) and approval.get("id"):
        chunks.append({"type": "tool-approval-request", "approvalId": approval["id"], **call})
    if state == "output-available":
        chunks.append({"type": "tool-output-available", **call, "output": part.get("output"), **flags})
    elif state == "output-error":
        chunks.append({"type": "tool-output-error", **call, "errorText": part.get("errorText", ""), **flags})
    elif state == "output-denied":
        chunks.append({"type": "tool-output-denied", **call})
    return chunks
