"""The bytes of WebSocket frames: what the fast path of a server needs to know (RFC 6455, section 5.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import ClassVar

from websockets.extensions import ServerExtensionFactory
from websockets.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame
from websockets.frames import CloseCode as Code
from websockets.http11 import Request
from websockets.protocol import OPEN, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ..wire.response import ChunkFrames
from .opening import select_subprotocol

try:
    from websockets.speedups import apply_mask as unmask
except ImportError:  # an installation without the C extension
    from websockets.utils import apply_mask as unmask

__all__ = [
    "PING_FRAME",
    "WHOLE_PONG",
    "WHOLE_TEXT",
    "FrameCore",
    "LongText",
    "cut_reason",
    "is_utf8",
    "measure",
    "sendable_code",
    "text_head",
    "unmask",
    "weave",
]

WHOLE_TEXT = 0x81
WHOLE_PONG = 0x8A
PING_FRAME = b"\x89\x00"
"""A ping without payload."""

MAX_REASON = 123
"""Bytes of the reason in a close frame."""

_OPCODES = frozenset((CONT, TEXT, BINARY, CLOSE, PING, PONG))
_SHORT_HEADS = tuple(bytes((WHOLE_TEXT, length)) for length in range(126))

# The core writes payloads to its log at DEBUG, and conversations must not end up in logs.
_log = logging.getLogger("cutty_agent.websocket_core")
_log.setLevel(logging.WARNING)


def text_head(length: int) -> bytes:
    """The header of a whole, unmasked text frame with ``length`` bytes of payload."""
    if length < 126:
        return _SHORT_HEADS[length]
    if length < 0x10000:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")


_HEADS = tuple(map(text_head, range(2048)))


@lru_cache(maxsize=16)
def _heads_behind(fixed: int) -> tuple[bytes, ...]:
    """The headers of frames that are longer by ``fixed`` bytes than the index says."""
    return _HEADS[fixed:]


def weave(frames: ChunkFrames) -> bytes:
    """Such frames, one after another; cheaper than one by one."""
    fixed = len(frames.head)
    try:
        heads = list(map(_heads_behind(fixed).__getitem__, frames.lengths))
    except IndexError:
        heads = [text_head(fixed + length) for length in frames.lengths]
    woven = [frames.head] * (4 * len(heads))
    woven[::4], woven[2::4], woven[3::4] = heads, frames.texts, frames.ends
    return b"".join(woven)


def measure(data: bytes | bytearray, at: int, limit: int) -> tuple[int, int]:
    """Bytes of the client's frame that begins at ``at``, and where its payload begins.

    While the header is incomplete the first number is how much of it is needed to know more. For a header that
    breaks the rules, or a payload above ``limit`` bytes, it is just the header, which is enough to be refused.
    """
    if len(data) - at < 2:
        return 2, 0
    length = data[at + 1] - 128
    if length < 0 or data[at] & 0x0F not in _OPCODES:
        return 2, 0
    head = 6
    if length == 126:
        if len(data) - at < 4:
            return 4, 0
        head, length = 8, int.from_bytes(data[at + 2 : at + 4], "big")
    elif length == 127:
        if len(data) - at < 10:
            return 10, 0
        head, length = 14, int.from_bytes(data[at + 2 : at + 10], "big")
    return (head, 0) if length > limit else (head + length, at + head)


def cut_reason(reason: str) -> str:
    """The longest beginning of ``reason`` that fits a close frame, cut between characters."""
    return reason.encode(errors="replace")[:MAX_REASON].decode(errors="ignore")


def sendable_code(code: int) -> int:
    """The code itself, or 1011 for one that may not travel in a close frame."""
    if 3000 <= code < 5000 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006)):
        return code
    return Code.INTERNAL_ERROR


class FrameCore(ServerProtocol):
    """The ``websockets`` sans-I/O core, giving whole messages instead of frames.

    ``limit`` is in bytes of a message. Fragments are joined as they come, so that a message in a million
    fragments takes no more memory than in one.
    """

    def __init__(
        self,
        *,
        limit: int,
        state: State = OPEN,
        extensions: Sequence[ServerExtensionFactory] | None = None,
    ) -> None:
        super().__init__(
            state=state,
            max_size=limit,
            extensions=extensions,
            select_subprotocol=_select_subprotocol,
            logger=_log,
        )
        self._limit = limit
        self._joined = bytearray()
        self._is_text = True

    @property
    def room(self) -> int:
        """Bytes of payload that the next frame may have."""
        return self._limit - (self.current_size or 0)

    @property
    def idle(self) -> bool:
        """Nothing would be lost if this core were dropped, provided it was fed whole frames."""
        return self.state is OPEN and self.current_size is None and not self.extensions

    def request(self, head: bytes | bytearray) -> Request | None:
        """Read the handshake; ``None`` when it is no request at all, and the refusal, if any, is ready to send."""
        self.receive_data(head)
        return next((event for event in self.events_received() if isinstance(event, Request)), None)

    def messages(self, data: bytes | bytearray) -> Iterator[tuple[bool, bytes]]:
        """Feed frames and give ``(is_text, payload)`` of each message they complete; text is valid UTF-8."""
        self.receive_data(data)
        for frame in self.events_received():
            if not isinstance(frame, Frame):
                continue
            opcode = frame.opcode
            if opcode is TEXT or opcode is BINARY:
                self._is_text = opcode is TEXT
            elif opcode is not CONT:
                continue
            payload = bytes(frame.data)
            if not frame.fin:
                self._joined += payload
                continue
            if self._joined:
                self._joined += payload
                payload = bytes(self._joined)
                self._joined = bytearray()
            if self._is_text and not is_utf8(payload):
                self.fail_text()
                return
            yield self._is_text, payload

    def fail_text(self) -> None:
        """Refuse a text message that is not UTF-8."""
        self.fail(Code.INVALID_DATA, "A text frame is not valid UTF-8; send UTF-8, or a binary frame.")

    def finish(self, code: int, reason: str) -> None:
        """Begin the closing handshake, unless it has begun."""
        if self.state is OPEN:
            self.send_close(sendable_code(code), cut_reason(reason))


class LongText:
    """The payload of a text frame that comes in pieces: looked at piece by piece, while the peer still sends the rest.

    ``missing`` is how many of its bytes have not come.
    """

    LEAST: ClassVar[int] = 16 * 1024
    """Bytes of a frame from which on that is worth it."""

    __slots__ = ("_ascii", "_mask", "_pieces", "missing")

    def __init__(self, mask: bytes | bytearray, length: int) -> None:
        self._mask = bytes(mask)
        self._pieces: list[bytes | bytearray] = []
        self._ascii = True
        self.missing = length

    def add(self, masked: bytes | bytearray) -> None:
        """The next bytes, at most those that are missing."""
        piece = unmask(masked, self._mask)
        turn = len(piece) % 4
        self._mask = self._mask[turn:] + self._mask[:turn]
        self.missing -= len(piece)
        self._ascii = self._ascii and piece.isascii()
        if len(piece) >= self.LEAST:
            self._pieces.append(piece)
        elif self._pieces and isinstance(last := self._pieces[-1], bytearray):
            last += piece  # a small object for each would take more than the bytes
        else:
            self._pieces.append(bytearray(piece))

    def payload(self) -> bytes | None:
        """All of it; ``None`` when it is not UTF-8."""
        whole = b"".join(self._pieces)
        return whole if self._ascii or is_utf8(whole) else None


def is_utf8(payload: bytes) -> bool:
    """Whether the bytes are well-formed UTF-8."""
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _select_subprotocol(_core: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    chosen = select_subprotocol(offered)
    return None if chosen is None else Subprotocol(chosen)
