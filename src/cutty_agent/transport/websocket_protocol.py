"""WebSockets under uvicorn: one protocol object per connection, no task, no queue, no timer of its own."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from websockets.protocol import OPEN as CORE_OPEN

from ..errors import CuttyError, ShuttingDown
from ..ports.door import Door, Link, Opening
from ..wire.response import ChunkFrames
from ..wire.server import setup_error
from .opening import Entrance, merge_headers
from .timer_wheel import NOWHERE
from .websocket_frames import (
    PING_FRAME,
    WHOLE_PONG,
    WHOLE_TEXT,
    FrameCore,
    LongText,
    is_utf8,
    measure,
    text_head,
    unmask,
    weave,
)
from .websocket_hub import Hub
from .websocket_settings import SETUP_FAILED, WebSocketSettings

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

_log = logging.getLogger(__name__)

_GREETING, _OPEN, _CLOSING, _CLOSED = range(4)
_MAX_HEAD = 64 * 1024


class WebSocketProtocol(asyncio.Protocol):
    """One connection, and the session's :class:`~cutty_agent.ports.outlet.Outlet` to it.

    Whole text frames are read and written here; everything else (handshake, fragments, control frames, errors,
    close) is the business of a :class:`FrameCore`, which exists only while there is such business. It is fed
    whole frames, so it can be dropped after each.
    """

    __slots__ = (
        "_asked_at",
        "_congested",
        "_core",
        "_link",
        "_long",
        "_need",
        "_out",
        "_out_bytes",
        "_registry",
        "_state",
        "_tail",
        "_transport",
        "slot",
    )

    hub: ClassVar[Hub]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._registry: set[Any] = server_state.connections
        self._transport: asyncio.Transport
        self._state = _GREETING
        self._core: FrameCore | None = None
        self._link: Link | None = None
        self._out: list[bytes] | None = None
        self._out_bytes = 0
        self._tail: bytearray | None = None
        self._long: LongText | None = None
        self._need = 0
        self._asked_at = 0  # the wheel's turn of the oldest unanswered ping; 0 when there is none
        self._congested = False
        self.slot = NOWHERE

    # What uvicorn and the event loop call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._registry.add(self)
        self.hub.bind(asyncio.get_running_loop())
        self.hub.wheel.put(self, self.hub.close_ticks)
        settings = self.hub.settings
        self._transport.set_write_buffer_limits(high=settings.high_water, low=settings.low_water)
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):  # the peer may be gone already; connection_lost follows
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer)

    def data_received(self, data: bytes) -> None:
        self._asked_at = 0
        whole: bytes | bytearray = data
        tail = self._tail
        if tail is not None:
            tail += data
            if len(tail) < self._need:
                return
            whole, self._tail = tail, None
        try:
            if self._state == _GREETING:
                self._greet(whole)
            elif self._long is not None:
                self._go_on(self._long, data)
            else:
                self._read(whole)
        except Exception:
            _log.exception("a WebSocket connection failed")
            self.close(1011, "Internal error.")
        if self._congested and self._state == _OPEN and self.buffered > self.hub.settings.read_pause:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _CLOSED
        self._registry.discard(self)
        self.hub.wheel.remove(self)
        self._core = self._out = self._tail = self._long = None
        self._end()

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        if self._state == _OPEN:
            self._listen()
            if self._link is not None:
                self._link.writable()

    def shutdown(self) -> None:
        """The server goes down: ask the peer to come back later, and do not wait long for its answer."""
        if self._state == _GREETING:
            self._transport.close()
        else:
            self.close(ShuttingDown.close_code, "This server is restarting; reconnect to go on.")
            self.hub.wheel.put(self, self.hub.shutdown_ticks)

    def due(self) -> None:
        """The wheel came round: time to ask whether the peer is there, or to stop waiting for it."""
        if self._state != _OPEN:
            self._transport.abort()
            return
        hub = self.hub
        if not self._asked_at:
            self._asked_at = hub.wheel.now
        silent = hub.wheel.now - self._asked_at
        if silent >= hub.silence_ticks:
            self._transport.abort()
            return
        self._queue([PING_FRAME])
        hub.wheel.put(self, min(hub.ping_ticks, hub.silence_ticks - silent))

    # Outlet

    def send(self, frame: bytes) -> None:
        """Queue one text frame."""
        self.send_many((frame,))

    def send_many(self, frames: Iterable[bytes]) -> None:
        """Queue text frames in order."""
        if self._state != _OPEN:
            return
        out = self._out
        if out is None:
            out = self._out = []
            self._out_bytes = 0
            self.hub.batch.add(self)
        core = self._core
        if core is not None and core.extensions:
            if core.state is CORE_OPEN:
                for frame in frames:
                    core.send_text(frame)
                chunks = core.data_to_send()
                out += chunks
                self._out_bytes += sum(map(len, chunks))
            return
        if isinstance(frames, ChunkFrames):
            woven = weave(frames)
            out.append(woven)
            self._out_bytes += len(woven)
            return
        for frame in frames:
            head = text_head(len(frame))
            out.append(head)
            out.append(frame)
            self._out_bytes += len(head) + len(frame)

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then a close frame; the peer has ``close_timeout_s`` to answer."""
        if self._state != _OPEN:
            return
        core = self._core = self._core or FrameCore(limit=self.hub.max_message)
        if core.state is not CORE_OPEN:
            return  # the peer's close frame is being answered further up the stack
        core.finish(code, reason)
        self._queue(core.data_to_send())
        self._state = _CLOSING
        self._listen()
        self.hub.wheel.put(self, self.hub.close_ticks)

    @property
    def congested(self) -> bool:
        """The kernel's buffer is full and ours is above the high-water mark."""
        return self._congested

    @property
    def buffered(self) -> int:
        """Bytes that wait in our memory."""
        if self._state == _CLOSED:
            return 0
        waiting = self._out_bytes if self._out else 0
        return waiting + self._transport.get_write_buffer_size()

    def flush(self) -> None:
        """Hand what is queued to the transport in one write."""
        out, self._out = self._out, None
        if out and not self._transport.is_closing():
            self._transport.write(b"".join(out))

    # Inside

    def _queue(self, chunks: list[bytes]) -> None:
        if self._out is None:
            self._out = []
            self._out_bytes = 0
            self.hub.batch.add(self)
        self._out += chunks
        self._out_bytes += sum(map(len, chunks))

    def _greet(self, data: bytes | bytearray) -> None:
        """Answer the handshake; what follows its head is the first frames already."""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            if len(data) < _MAX_HEAD:
                self._tail, self._need = bytearray(data), 0
                return
            end = len(data)
        core = self.hub.greeting_core()
        request = core.request(data[:end])
        admitted: Opening | Exception | None = None
        if request is not None:
            admitted, cookie = self._admit(request.path, merge_headers(request.headers.raw_items()))
            response = core.accept(request)
            if cookie is not None:
                response.headers["Set-Cookie"] = cookie
            core.send_response(response)
        self._transport.write(b"".join(core.data_to_send()))
        if admitted is None or core.state is not CORE_OPEN:
            self._transport.close()
            return
        self._state = _OPEN
        self._core = core if core.extensions else None
        self.hub.wheel.put(self, self.hub.first_ping_ticks())
        self._enter(admitted)
        if end < len(data):
            self._read(data[end:])

    def _admit(self, target: str, headers: dict[str, str]) -> tuple[Opening | Exception, str | None]:
        """The opening and a cookie for the answer; or the error, which is told once the socket is open."""
        peer = self._transport.get_extra_info("peername")
        secure = self._transport.get_extra_info("sslcontext") is not None
        try:
            # A socket file has no address: its peer is a string, or nothing.
            return self.hub.entrance.admit(
                target, headers, peer=peer[0] if isinstance(peer, tuple) else "", secure=secure
            )
        except Exception as error:
            return error, None

    def _enter(self, admitted: Opening | Exception) -> None:
        try:
            if isinstance(admitted, Exception):
                raise admitted
            self._link = self.hub.door.connect(self, admitted)
        except CuttyError as error:
            self.close(error.close_code, error.sentence)
        except Exception:
            _log.exception("a session could not be set up")
            self.send(setup_error(f"{SETUP_FAILED}."))
            self.close(1011, SETUP_FAILED)

    def _read(self, data: bytes | bytearray) -> None:
        """Take frame after frame; the beginning of an incomplete one is kept."""
        at, end, limit = 0, len(data), self.hub.max_message
        while at < end:
            core = self._core
            if core is not None and core.eof_sent:
                return  # nothing counts after the closing handshake or a failure
            need, payload_at = measure(data, at, limit if core is None else core.room)
            stop = at + need
            first = data[at]
            if stop > end:
                long = need >= LongText.LEAST and 0 < payload_at <= end
                if long and core is None and first == WHOLE_TEXT:
                    self._long = LongText(data[payload_at - 4 : payload_at], stop - payload_at)
                    self._long.add(data[payload_at:])
                else:
                    self._tail, self._need = bytearray(data[at:]), need
                return
            if core is None and payload_at and first == WHOLE_TEXT:
                payload = unmask(data[payload_at:stop], data[payload_at - 4 : payload_at])
                self._take(payload if is_utf8(payload) else None)
            elif core is None and payload_at and first == WHOLE_PONG and stop - payload_at <= 125:
                pass  # that the peer answered was noted with the bytes
            else:
                core = self._core = core or FrameCore(limit=limit)
                self._feed(core, data[at:stop])
            at = stop

    def _go_on(self, long: LongText, data: bytes) -> None:
        """The next piece of a long text, and what comes behind it."""
        missing = long.missing
        long.add(data if len(data) <= missing else data[:missing])
        if not long.missing:
            self._long = None
            if self._state == _OPEN:
                self._take(long.payload())
            if len(data) > missing:
                self._read(data[missing:])

    def _take(self, payload: bytes | None) -> None:
        """The payload of a whole text frame; ``None`` for one that is not UTF-8."""
        if payload is None:
            core = self._core = FrameCore(limit=self.hub.max_message)
            core.fail_text()
            self._settle(core)
        elif self._link is not None:
            self._link.receive(payload)

    def _feed(self, core: FrameCore, frame: bytes | bytearray) -> None:
        for is_text, message in core.messages(frame):
            if self._state != _OPEN or self._link is None:
                continue
            if is_text:
                self._link.receive(message)
            else:
                self._link.receive_binary(message)
        self._settle(core)

    def _settle(self, core: FrameCore) -> None:
        """Send what the core has to say, and follow where it went."""
        chunks = core.data_to_send()
        if chunks:
            self._queue([chunk for chunk in chunks if chunk])
        if core.idle:
            self._core = None
        elif core.eof_sent:
            self._state = _CLOSING
            self._listen()
            self._end()
            self.flush()
            if core.close_rcvd is not None or not self._transport.can_write_eof():
                self._transport.close()
            elif not self._transport.is_closing():
                # Closing now, with unread bytes, would reset the connection and lose our close frame.
                self._transport.write_eof()
            self.hub.wheel.put(self, self.hub.close_ticks)

    def _listen(self) -> None:
        if not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _end(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.lost()


def websocket_protocol(
    door: Door, entrance: Entrance, settings: WebSocketSettings | None = None
) -> type[WebSocketProtocol]:
    """A class for uvicorn's ``ws=`` setting, whose connections come in through ``door``.

    Each call makes a class with its own shared state, so that two servers can live in one process.
    """
    hub = Hub(door, entrance, settings or WebSocketSettings())
    return type("WebSocketProtocol", (WebSocketProtocol,), {"__slots__": (), "hub": hub})
