"""The tool calls of an answer that is being folded: which chunk moves which call to which state (protocol 4.3)."""

from __future__ import annotations

from typing import Any

from ..wire.chunks import Chunk
from .parts import TERMINAL, Part, as_input, call_id, state_of

_INPUT_OPEN = frozenset({"input-streaming", "input-available"})
_EXTRAS = ("providerExecuted", "title", "toolMetadata")


def merged_metadata(old: Any, new: Any) -> dict[str, Any]:
    """Provider metadata (an object of objects) with the keys of ``new`` laid over those of ``old``."""
    result = dict(old) if isinstance(old, dict) else {}
    for provider, value in (new if isinstance(new, dict) else {}).items():
        known = result.get(provider)
        if isinstance(known, dict) and isinstance(value, dict):
            value = {**known, **value}
        result[provider] = value
    return result


class Calls:
    """Finds the part of a call by id and applies ``tool-*`` chunks to it; new calls are pushed to ``parts``.

    Nested values are replaced, never changed in place, so a shallow copy of a part stays as it was.
    """

    __slots__ = ("_by_id", "_parts", "_raw")

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._by_id: dict[str, Part] = {}
        self._raw: dict[str, list[str]] = {}
        if parts:
            self.reindex()

    def reindex(self) -> None:
        """Look at the parts again, after some were removed."""
        self._by_id = {}
        for part in self._parts:
            id = call_id(part)
            if id is not None:
                self._by_id.setdefault(id, part)
        self._raw = {id: raw for id, raw in self._raw.items() if id in self._by_id}

    def get(self, id: object) -> Part | None:
        """The part of that call; it belongs to the fold, so do not change it."""
        return self._by_id.get(id) if isinstance(id, str) else None

    def replace(self, old: Part, new: Part) -> None:
        """Give the part ``old`` the keys and values of ``new``."""
        old.clear()
        old.update(new)

    def unsettled(self) -> list[Part]:
        """Copies of the parts of all calls that have no outcome yet."""
        return [dict(part) for part in self._by_id.values() if state_of(part) not in TERMINAL]

    def input_start(self, chunk: Chunk) -> None:
        part = self._push(chunk) if self.get(chunk.get("toolCallId")) is None else None
        if part is not None:
            self._extras(part, chunk, "callProviderMetadata")

    def input_delta(self, chunk: Chunk) -> None:
        part = self.get(chunk.get("toolCallId"))
        delta = chunk.get("inputTextDelta")
        if part is not None and state_of(part) == "input-streaming" and isinstance(delta, str):
            self._raw.setdefault(part["toolCallId"], []).append(delta)

    def input_available(self, chunk: Chunk) -> None:
        part = self.get(chunk.get("toolCallId")) or self._push(chunk)
        if part is None:
            return
        if state_of(part) == "input-streaming":
            part["state"] = "input-available"
            part["input"] = as_input(chunk.get("input"))
            self._raw.pop(part["toolCallId"], None)
            self._extras(part, chunk, "callProviderMetadata")
        elif "input" not in part:
            part["input"] = as_input(chunk.get("input"))

    def input_error(self, chunk: Chunk) -> None:
        part = self.get(chunk.get("toolCallId")) or self._push(chunk)
        if part is None or state_of(part) in TERMINAL:
            return
        given = chunk.get("input")
        part["input"] = as_input(given)
        if given is not None and part["input"] != given:
            part["rawInput"] = given
        self._fail(part, chunk)

    def approval_request(self, chunk: Chunk) -> None:
        part = self.get(chunk.get("toolCallId"))
        state = state_of(part) if part else None
        if part is None or state in TERMINAL or state == "approval-responded":
            return
        self._close_input(part)
        approval: dict[str, Any] = {"id": chunk.get("approvalId")}
        for source, target in (("approvalDescriptor", "descriptor"), ("reason", "requestReason")):
            if chunk.get(source) is not None:
                approval[target] = chunk[source]
        for key in ("inputSchemaInput", "signature", "isAutomatic"):
            if chunk.get(key) is not None:
                approval[key] = chunk[key]
        part["state"] = "approval-requested"
        part["approval"] = approval

    def approval_response(self, chunk: Chunk) -> None:
        wanted, approved = chunk.get("approvalId"), chunk.get("approved")
        if not isinstance(wanted, str) or not isinstance(approved, bool):
            return
        for part in self._by_id.values():
            approval = part.get("approval")
            if not isinstance(approval, dict) or approval.get("id") != wanted:
                continue
            if state_of(part) in {"input-available", "approval-requested"}:
                answer: dict[str, Any] = {**approval, "approved": approved}
                if chunk.get("reason") is not None:
                    answer["reason"] = chunk["reason"]
                part["state"] = "approval-responded"
                part["approval"] = answer
                self._extras(part, chunk, "callProviderMetadata")
            return

    def output_denied(self, chunk: Chunk) -> None:
        part = self.get(chunk.get("toolCallId"))
        if part is None or state_of(part) in TERMINAL:
            return
        approval = part.get("approval")
        refused = isinstance(approval, dict) and approval.get("approved") is False
        if state_of(part) != "approval-responded" or refused:
            self._close_input(part)
            part["state"] = "output-denied"

    def output_available(self, chunk: Chunk) -> None:
        part = self.get(chunk.get("toolCallId"))
        if part is None or "output" not in chunk:
            return
        state, early = state_of(part), chunk.get("preliminary") is True
        final = state == "output-available" and part.get("preliminary") is not True
        if state in {"output-error", "output-denied"} or (final and early):
            return  # a call that ended does not change its mind
        self._close_input(part)
        part["state"] = "output-available"
        part["output"] = chunk["output"]
        if isinstance(chunk.get("preliminary"), bool):
            part["preliminary"] = chunk["preliminary"]
        else:
            part.pop("preliminary", None)
        self._extras(part, chunk, "resultProviderMetadata")

    def output_error(self, chunk: Chunk) -> None:
        part = self.get(chunk.get("toolCallId"))
        if part is None:
            return
        if state_of(part) in TERMINAL and part.get("preliminary") is not True:
            return
        self._close_input(part)
        part.pop("output", None)
        part.pop("preliminary", None)
        self._extras(part, chunk, "resultProviderMetadata")
        self._fail(part, chunk)

    def _push(self, chunk: Chunk) -> Part | None:
        id, name = chunk.get("toolCallId"), chunk.get("toolName")
        if not isinstance(id, str) or not id or not isinstance(name, str) or not name:
            return None
        kind = "dynamic-tool" if chunk.get("dynamic") is True else f"tool-{name}"
        part: Part = {"type": kind, "toolCallId": id, "toolName": name, "state": "input-streaming"}
        self._parts.append(part)
        self._by_id[id] = part
        return part

    def _extras(self, part: Part, chunk: Chunk, metadata_key: str) -> None:
        for key in _EXTRAS:
            if chunk.get(key) is not None:
                part[key] = chunk[key]
        if isinstance(chunk.get("providerMetadata"), dict):
            part[metadata_key] = merged_metadata(part.get(metadata_key), chunk["providerMetadata"])

    def _close_input(self, part: Part) -> None:
        """An outcome ends the input: what streamed so far is all there will be."""
        raw = self._raw.pop(part["toolCallId"], None)
        if state_of(part) in _INPUT_OPEN and "input" not in part and raw:
            part["input"] = as_input("".join(raw))

    def _fail(self, part: Part, chunk: Chunk) -> None:
        text = chunk.get("errorText")
        part["state"] = "output-error"
        part["errorText"] = text if isinstance(text, str) else ""
        self._raw.pop(part["toolCallId"], None)
