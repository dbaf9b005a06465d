"""Reads everything one session is told, over sockets and HTTP, for what belongs to another."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from .finding import Evidence, Kind
from .names import LONGEST, Names

Frame = dict[str, Any]

_PIECES = {"text-delta": "delta", "reasoning-delta": "delta", "tool-input-delta": "inputTextDelta"}

_KINDS: dict[str, Kind] = {
    "cf_agent_chat_messages": "history",
    "cf_agent_message_updated": "history",
    "cf_agent_state": "state",
    "cf_agent_state_error": "error text",
}
_CHUNK_KINDS: dict[str, Kind] = {
    "tool-output-available": "tool result",
    "tool-output-error": "error text",
    "error": "error text",
}
RESPONSE = "cf_agent_use_chat_response"


class Hearing:
    """The ears of one session. A token that comes in pieces, over several chunks, is found too."""

    def __init__(self, names: Names, session: int, evidence: Evidence, counts: Counter[str]) -> None:
        self._names = names
        self._session = session
        self._evidence = evidence
        self._counts = counts
        self._tails: dict[tuple[str, str, str], str] = {}

    def frame(self, text: str) -> Frame:
        """One frame of a socket; returns it decoded (empty when it is no JSON object)."""
        self._counts["frames"] += 1
        decoded = _decoded(text)
        frame: Frame = decoded if isinstance(decoded, dict) else {}
        kind, name = kind_of(frame), str(frame.get("type", "without type"))
        request = str(frame.get("id", ""))
        chunk = _decoded(frame.get("body")) if name == RESPONSE else {}
        if isinstance(chunk, dict) and chunk and not frame.get("error"):
            self.chunk(request, chunk, str(frame["body"]))
        else:
            self._look(kind, f"frame {name}", text, frame)
        if frame.get("done"):
            self._tails = {key: tail for key, tail in self._tails.items() if key[0] != request}
        return frame

    def chunk(self, request: str, chunk: Frame, text: str) -> None:
        """One chunk of an answer, from a frame or an event stream."""
        name = str(chunk.get("type"))
        kind = chunk_kind(name)
        self._look(kind, f"chunk {name}", text, chunk)
        field = _PIECES.get(name)
        piece = chunk.get(field) if field else None
        if isinstance(piece, str):
            key = (request, name, str(chunk.get("id") or chunk.get("toolCallId")))
            before = self._tails.get(key, "")
            joined = before + piece
            self._tails[key] = joined[-LONGEST:]
            for token in self._names.foreign(joined, self._session):
                if token not in before and token not in piece:
                    self._evidence.add(kind, token, self._session, f"chunk {name}.{field}", joined)

    def events(self, request: str, body: str) -> None:
        """The body of an event stream."""
        for line in body.split("\n"):
            if line.startswith("data:"):
                chunk = _decoded(line[5:])
                if isinstance(chunk, dict) and chunk:
                    self.chunk(request, chunk, line)
        self._tails = {key: tail for key, tail in self._tails.items() if key[0] != request}

    def answer(self, kind: Kind, place: str, body: str) -> None:
        """Any other answer over HTTP, or the reason of a close."""
        self._look(kind, place, body, _decoded(body))

    def _look(self, kind: Kind, place: str, text: str, value: Any) -> None:
        tokens = self._names.found(text)
        if not tokens:
            return
        foreign = self._names.foreign(text, self._session)
        self._counts["own canaries read"] += sum(
            not self._names.is_id(token) and token not in foreign and kind != "history" for token in tokens
        )
        for token in dict.fromkeys(foreign):
            self._evidence.add(kind, token, self._session, f"{place}{where(value, token)}", text)


def kind_of(frame: Frame) -> Kind:
    """What a frame that is no chunk counts as."""
    name = frame.get("type")
    if (name == RESPONSE and frame.get("error")) or (name == "rpc" and frame.get("success") is False):
        return "error text"
    if name is None and "error" in frame:
        return "error text"
    return _KINDS.get(str(name), "frame")


def chunk_kind(name: str) -> Kind:
    """What a chunk of this type counts as."""
    return "tool argument" if name.startswith("tool-input-") else _CHUNK_KINDS.get(name, "frame")


def where(value: Any, token: str) -> str:
    """The path to the first text with this token inside JSON values, ``""`` when there is none."""
    if isinstance(value, str):
        return ""
    pairs: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in pairs:
        step = f".{key}" if isinstance(key, str) else f"[{key}]"
        if (isinstance(item, str) and token in item) or (isinstance(key, str) and token in key):
            return step
        if isinstance(item, dict | list) and (deeper := where(item, token)):
            return step + deeper
    return ""


def _decoded(text: Any) -> Any:
    """JSON objects and arrays; an empty object for everything else."""
    if not isinstance(text, str):
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict | list) else {}
