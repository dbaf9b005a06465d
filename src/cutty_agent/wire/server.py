"""Frames a server sends (protocol 2.2-2.6, 3.1, 3.3), as bytes ready for a socket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Literal

import msgspec

_encode = msgspec.json.Encoder().encode

Outcome = Literal["completed", "error", "aborted", "skipped", "recovering"]

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


_ENDS = [b"%d}" % seq for seq in range(2048)]
"""How a chunk ends, by its index."""


class ResponseFrames:
    """Encodes the ``cf_agent_use_chat_response`` frames of one request; a hot path.

    The constant parts are encoded once. ``body`` is the JSON text of one chunk and travels as a JSON string.
    """

    __slots__ = ("_end", "_head", "_plain", "_tail", "continuation", "request_id")

    def __init__(self, request_id: str, *, continuation: bool = False) -> None:
        self.request_id = request_id
        self.continuation = continuation
        self._head = b'{"type":"cf_agent_use_chat_response","id":' + _encode(request_id) + b',"body":'
        flag = b',"continuation":true' if continuation else b""
        self._tail = b',"done":false' + flag + b',"seq":'
        self._end = flag
        self._plain: ResponseFrames | None = None

    @property
    def plain(self) -> ResponseFrames:
        """The same frames without the continuation flag (rebuild on acknowledgement, protocol 3.8)."""
        if not self.continuation:
            return self
        if self._plain is None:
            self._plain = ResponseFrames(self.request_id)
        return self._plain

    def chunk(self, body: bytes, seq: int) -> bytes:
        """A live chunk."""
        return b"%b%b%b%d}" % (self._head, _encode(body.decode()), self._tail, seq)

    def chunks(self, bodies: Sequence[bytes], first: int) -> list[bytes]:
        """Live chunks, the first with index ``first``; cheaper than one by one."""
        ends = _ENDS[first : first + len(bodies)]
        if len(ends) < len(bodies):
            ends += [b"%d}" % seq for seq in range(first + len(ends), first + len(bodies))]
        texts = map(_encode, map(bytes.decode, bodies))
        return list(map(b"".join, zip(repeat(self._head), texts, repeat(self._tail), ends, strict=False)))

    def replay(self, body: bytes, seq: int) -> bytes:
        """A stored chunk, sent again after an acknowledgement."""
        return b'%b%b%b%d,"replay":true}' % (self._head, _encode(body.decode()), self._tail, seq)

    def rebuilt(self, body: bytes) -> bytes:
        """A chunk that rebuilds what a message held before this stream; not in the stream, so without ``seq``."""
        return b'%b%b,"done":false,"replay":true%b}' % (self._head, _encode(body.decode()), self._end)

    def replay_complete(self) -> bytes:
        """The stored part ended; live chunks follow."""
        return self._head + b'"","done":false,"replay":true,"replayComplete":true' + self._end + b"}"

    def error(self, text: str, *, done: bool = False) -> bytes:
        """An in-band error; the terminal frame follows unless ``done``."""
        flag = b"true" if done else b"false"
        return self._head + _encode(text) + b',"done":' + flag + b',"error":true' + self._end + b"}"

    def terminal(
        self,
        outcome: Outcome | None,
        message_ids: Sequence[str] | None,
        *,
        error: str | None = None,
        replay: bool = False,
    ) -> bytes:
        """The last frame of the request. ``error`` makes it the error form with that text as body."""
        frame = self._head + _encode(error if error is not None else "") + b',"done":true'
        if error is not None:
            frame += b',"error":true'
        if replay:
            frame += b',"replay":true'
        if message_ids is not None:
            frame += b',"messageIds":' + _encode(message_ids)
        if outcome is not None:
            frame += b',"outcome":' + _encode(outcome)
        return frame + self._end + b"}"


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
