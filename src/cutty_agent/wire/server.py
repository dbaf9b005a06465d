"""Frames a server sends (protocol 2.2-2.6, 3.1), as bytes ready for a socket; the answers to chat requests are in
:mod:`~cutty_agent.wire.response`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode

CHAT_CLEAR = b'{"type":"cf_agent_chat_clear"}'
MCP_SERVERS = b'{"type":"cf_agent_mcp_servers","mcp":{"prompts":[],"resources":[],"servers":{},"tools":[]}}'


def identity(name: str, agent: str, *, state_follows: bool) -> bytes:
    """``cf_agent_identity``; ``stateFollows`` is only ever literal true (protocol 2.3)."""
    frame: dict[str, Any] = {"type": "cf_agent_identity", "name": name, "agent": agent}
    if state_follows:
        frame["stateFollows"] = True
    return _encode(frame)


def state(body: bytes) -> bytes:
    """``cf_agent_state`` around the JSON text of the state."""
    return b'{"type":"cf_agent_state","state":' + body + b"}"


def state_error(error: str) -> bytes:
    """``cf_agent_state_error``, to the sender of a refused update only."""
    return _encode({"type": "cf_agent_state_error", "error": error})


def transcript(bodies: Iterable[bytes], *, connect: bool = False) -> bytes:
    """``cf_agent_chat_messages`` around the JSON texts of the messages."""
    tail = b'],"connect":true}' if connect else b"]}"
    return b'{"type":"cf_agent_chat_messages","messages":[' + b",".join(bodies) + tail


def message_updated(body: bytes) -> bytes:
    """``cf_agent_message_updated`` around the JSON text of one message."""
    return b'{"type":"cf_agent_message_updated","message":' + body + b"}"


def resuming(request_id: str, probe_id: str | None = None) -> bytes:
    """A stream runs; acknowledge to get its replay."""
    return _with_probe({"type": "cf_agent_stream_resuming", "id": request_id}, probe_id)


def pending(request_id: str | None, probe_id: str | None = None) -> bytes:
    """A turn was accepted and its stream has not begun; another answer follows."""
    frame: dict[str, Any] = {"type": "cf_agent_stream_pending"}
    if request_id is not None:
        frame["id"] = request_id
    return _with_probe(frame, probe_id)


def resume_none(reason: str | None = None, probe_id: str | None = None) -> bytes:
    """Nothing to resume; reason ``idle`` is the only proof that nothing runs."""
    frame: dict[str, Any] = {"type": "cf_agent_stream_resume_none"}
    if reason is not None:
        frame["reason"] = reason
    return _with_probe(frame, probe_id)


def _with_probe(frame: dict[str, Any], probe_id: str | None) -> bytes:
    if probe_id is not None:
        frame["probeId"] = probe_id
    return _encode(frame)


def recovering(active: bool, request_id: str | None = None) -> bytes:
    """Advisory flag behind the client's ``isRecovering``."""
    frame: dict[str, Any] = {"type": "cf_agent_chat_recovering", "recovering": active}
    if request_id is not None:
        frame["id"] = request_id
    return _encode(frame)


def rpc_result(call_id: str, result: Any, *, done: bool = True) -> bytes:
    """A successful answer; ``None`` as a void result is left to the caller (:func:`rpc_void`)."""
    return _encode({"type": "rpc", "id": call_id, "success": True, "result": result, "done": done})


def rpc_void(call_id: str) -> bytes:
    """A successful answer without ``result``."""
    return _encode({"type": "rpc", "id": call_id, "success": True, "done": True})


def rpc_error(call_id: str, error: str) -> bytes:
    """A failed call."""
    return _encode({"type": "rpc", "id": call_id, "success": False, "error": error})


def setup_error(error: str) -> bytes:
    """What a socket hears before it is closed because its set-up failed."""
    return _encode({"error": error})
