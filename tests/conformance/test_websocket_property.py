"""However frames are mixed and cut, our class hears and says what the ``websockets`` core alone would."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from conformance.websocket_lab import (
    ADDRESS,
    BINARY,
    CLOSE,
    CONT,
    ENTRANCE,
    PING,
    PONG,
    TEXT,
    RecordingDoor,
    frame,
)
from cutty_agent.transport.websocket_frames import LongText
from cutty_agent.transport.websocket_protocol import websocket_protocol
from cutty_agent.transport.websocket_settings import WebSocketSettings

LIMIT = 400
HEAD = (
    f"GET {ADDRESS} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()

payloads = st.one_of(
    st.binary(max_size=8),
    st.text(max_size=40).map(str.encode),
    st.integers(118, 140).map(lambda n: b"m" * n),
    st.integers(LIMIT - 2, LIMIT + 2).map(lambda n: b"l" * n),
)
close_payloads = st.one_of(
    st.just(b""),
    st.sampled_from([1000, 1001, 3000, 4001, 999, 1005, 5000]).map(lambda code: struct.pack("!H", code)),
    st.binary(max_size=4),
)
valid = st.one_of(
    st.builds(frame, st.sampled_from([TEXT, TEXT, TEXT, BINARY]), payloads),
    st.builds(lambda text: frame(TEXT, text.encode()), st.text(max_size=50)),
    st.builds(frame, st.sampled_from([PING, PONG]), st.binary(max_size=20)),
)
fragmented = st.builds(
    lambda kind, parts, ping: (
        [frame(kind, parts[0], fin=False)]
        + [
            frame(CONT, part, fin=False) + (frame(PING, b"in between") if ping else b"")
            for part in parts[1:-1]
        ]
        + [frame(CONT, parts[-1])]
    ),
    st.sampled_from([TEXT, BINARY]),
    st.one_of(
        st.lists(st.binary(max_size=20), min_size=2, max_size=5),
        st.text(min_size=2, max_size=20).map(lambda text: [bytes([byte]) for byte in text.encode()]),
    ),
    st.booleans(),
)
broken = st.builds(
    frame,
    st.integers(0, 15),
    st.binary(max_size=130),
    fin=st.booleans(),
    rsv=st.sampled_from([0, 0, 0, 1, 4]),
    masked=st.sampled_from([True, True, True, False]),
)
closing = st.builds(frame, st.just(CLOSE), close_payloads)
streams = st.lists(
    st.one_of(
        valid.map(lambda f: [f]),
        valid.map(lambda f: [f]),
        fragmented,
        broken.map(lambda f: [f]),
        closing.map(lambda f: [f]),
    ),
    max_size=12,
).map(lambda groups: [one for group in groups for one in group])


@dataclass
class Outcome:
    """Messages heard, and control frames said, a close as its code alone."""

    heard: list[tuple[str, bytes]] = field(default_factory=list)
    said: list[tuple[int, bytes]] = field(default_factory=list)
    ended: bool = False


def by_the_core(frames: list[bytes]) -> Outcome:
    """What the sans-I/O core makes of it, with text checked for UTF-8."""
    core = ServerProtocol(state=OPEN, max_size=LIMIT)
    outcome, kind, joined = Outcome(), "text", b""
    for one in frames:
        core.receive_data(one)
        for event in core.events_received():
            assert isinstance(event, Frame)
            if event.opcode in (TEXT, BINARY):
                kind, joined = ("text" if event.opcode == TEXT else "binary"), b""
            elif event.opcode != CONT:
                continue
            joined += bytes(event.data)
            if not event.fin:
                continue
            try:
                if kind == "text":
                    joined.decode()
            except UnicodeDecodeError:
                core.fail(1007)
                break
            outcome.heard.append((kind, joined))
        if core.eof_sent:
            break
    outcome.said = said_in(b"".join(core.data_to_send()))
    outcome.ended = core.eof_sent
    return outcome


def said_in(data: bytes) -> list[tuple[int, bytes]]:
    """The server's control frames, a close as its code alone."""
    frames, at = [], 0
    while at < len(data):
        opcode, length = data[at] & 15, data[at + 1]
        payload = data[at + 2 : at + 2 + length]
        frames.append((opcode, payload[:2] if opcode == CLOSE else payload))
        at += 2 + length
    return frames


class FakeTransport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return False

    def is_reading(self) -> bool:
        return True

    def get_extra_info(self, name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        pass


async def by_our_class(stream: bytes, cuts: list[int]) -> Outcome:
    door = RecordingDoor()
    state: Any = SimpleNamespace(connections=set())
    connection = websocket_protocol(door, ENTRANCE, WebSocketSettings(max_message=LIMIT))(None, state, {})  # type: ignore[arg-type]
    transport: Any = FakeTransport()
    connection.connection_made(transport)
    connection.data_received(HEAD)
    link = await door.link()
    transport.written = b""
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        connection.data_received(stream[begin:end])
    await asyncio.sleep(0)
    outcome = Outcome(said=said_in(transport.written), ended=transport.closed)
    connection.connection_lost(None)
    assert link.losses == 1
    assert not state.connections
    while not link.events.empty():
        kind, payload = link.events.get_nowait()
        if kind != "lost":
            outcome.heard.append((kind, payload))
    return outcome


@pytest.fixture(params=[LongText.LEAST, 8], ids=["short", "long"], scope="module", autouse=True)
def length(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nearly all frames are taken in piece by piece, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LongText, "LEAST", request.param)
        yield


@given(frames=streams, cuts=st.lists(st.integers(0, 3000), max_size=40))
@example(frames=[frame(TEXT, b"no \xff text")], cuts=[8])
@example(frames=[frame(TEXT, b"snow \xe2\x98\x83 man"), frame(TEXT, b"and more")], cuts=[8, 12, 20])
@settings(max_examples=400, deadline=None)
def test_any_frames_cut_anywhere(frames: list[bytes], cuts: list[int]) -> None:
    assert asyncio.run(by_our_class(b"".join(frames), cuts)) == by_the_core(frames)


@given(frames=streams)
@settings(max_examples=100, deadline=None)
def test_any_frames_byte_by_byte(frames: list[bytes]) -> None:
    stream = b"".join(frames)
    assert asyncio.run(by_our_class(stream, list(range(len(stream))))) == by_the_core(frames)
