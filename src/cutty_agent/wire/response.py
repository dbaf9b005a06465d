"""The ``cf_agent_use_chat_response`` frames of one request (protocol 3.3), as bytes ready for a socket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from operator import add
from typing import Literal

import msgspec

_encode = msgspec.json.Encoder().encode

Outcome = Literal["completed", "error", "aborted", "skipped", "recovering"]

_NUMBERED = 1024
"""Chunks whose ends are made once for all requests."""


def _ends(tail: bytes, first: int, end: int) -> list[bytes]:
    return [b"%b%d}" % (tail, seq) for seq in range(first, end)]


_TAIL = b',"done":false,"seq":'
_TAIL_GOING_ON = b',"done":false,"continuation":true,"seq":'
_KNOWN_ENDS = {
    tail: (ends := _ends(tail, 0, _NUMBERED), list(map(len, ends))) for tail in (_TAIL, _TAIL_GOING_ON)
}


def quoted(bodies: Iterable[bytes]) -> list[bytes]:
    """Each of these JSON texts as a JSON string."""
    return list(map(_encode, map(bytes.decode, bodies)))


def quoted_deltas(head: bytes, lines: bytes) -> list[bytes]:
    """The same for the texts that are ``head``, a JSON string and ``}``; ``lines`` are the strings, each with a line
    break behind it. Many are made at once, which is cheaper."""
    before, after = b'"' + _inside(head), b'}"'
    texts = _inside(lines[:-1]).replace(b"\n", after + b"\n" + before)
    return (before + texts + after).split(b"\n")


def _inside(text: bytes) -> bytes:
    """JSON text as it stands in a JSON string; control characters are escaped in it already."""
    return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


class ChunkFrames(msgspec.Struct, frozen=True, gc=False):
    """The frames of chunks in a row, in pieces: each is ``head``, its text and its end. Who writes them all at once need
    not put each one together first. ``lengths`` are the bytes of text and end."""

    head: bytes
    texts: list[bytes]
    ends: list[bytes]
    lengths: list[int]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[bytes]:
        return map(b"".join, zip(repeat(self.head), self.texts, self.ends, strict=False))


class ResponseFrames:
    """Encodes the frames of one request; a hot path.

    The constant parts are encoded once. ``body`` is the JSON text of one chunk and travels as a JSON string.
    """

    __slots__ = ("_end", "_head", "_plain", "_tail", "continuation", "request_id")

    def __init__(self, request_id: str, *, continuation: bool = False) -> None:
        self.request_id = request_id
        self.continuation = continuation
        self._head = b'{"type":"cf_agent_use_chat_response","id":' + _encode(request_id) + b',"body":'
        self._end = b',"continuation":true' if continuation else b""
        self._tail = _TAIL_GOING_ON if continuation else _TAIL
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

    def live(self, texts: list[bytes], first: int) -> ChunkFrames:
        """Live chunks, the first with index ``first``; cheaper than one by one. ``texts`` are their bodies as
        :func:`quoted` or :func:`quoted_deltas` makes them."""
        end = first + len(texts)
        if end <= _NUMBERED:
            ends, lengths = _KNOWN_ENDS[self._tail]
            ends, lengths = ends[first:end], lengths[first:end]
        else:
            ends = _ends(self._tail, first, end)
            lengths = list(map(len, ends))
        return ChunkFrames(self._head, texts, ends, list(map(add, map(len, texts), lengths)))

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
