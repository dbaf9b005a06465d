"""The same door over plain ASGI, for an app that is mounted in another or run by another server."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote

from ..errors import CuttyError
from ..ports.door import Door, Link, Opening
from ..wire.server import setup_error
from .opening import Entrance, merge_headers, offered_subprotocols, select_subprotocol
from .websocket_frames import cut_reason, sendable_code
from .websocket_settings import SETUP_FAILED, WebSocketSettings

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def serve(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    door: Door,
    entrance: Entrance,
    settings: WebSocketSettings | None = None,
) -> None:
    """Serve one ASGI ``websocket`` scope until it ends.

    A socket that may not come in is accepted, then closed with the code of the error: a browser takes an HTTP
    refusal for a lost connection and retries for ever. Pings, compression and the size of frames before they
    get here belong to the ASGI server.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    headers = merge_headers(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    )
    refused: Exception | None = None
    opening: Opening | None = None
    accept: Message = {
        "type": "websocket.accept",
        "subprotocol": select_subprotocol(offered_subprotocols(headers)),
    }
    try:
        peer = scope.get("client")
        opening, cookie = entrance.admit(
            _target(scope), headers, peer=peer[0] if peer else "", secure=scope.get("scheme") == "wss"
        )
        if cookie is not None:
            accept["headers"] = [(b"set-cookie", cookie.encode("latin-1"))]
    except Exception as error:  # told to the peer once the socket is open
        refused = error
    try:
        await send(accept)
    except OSError:  # the peer left during the handshake
        return
    connection = AsgiConnection(receive, send, settings or WebSocketSettings())

    def connect() -> Link:
        if refused is not None or opening is None:
            raise refused or AssertionError
        return door.connect(connection, opening)

    await connection.run(connect)


class AsgiConnection:
    """One connection, and the session's :class:`~cutty_agent.ports.outlet.Outlet` to it.

    ASGI shows a slow peer only by blocking ``send``, so congestion is told from what waits in the queue.
    """

    def __init__(self, receive: Receive, send: Send, settings: WebSocketSettings) -> None:
        self._receive = receive
        self._send = send
        self._settings = settings
        self._queue: deque[bytes] = deque()
        self._buffered = 0
        self._congested = False
        self._closing: tuple[int, str] | None = None
        self._ended = False
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._link: Link | None = None
        self._writing: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # Outlet

    def send(self, frame: bytes) -> None:
        """Queue one text frame."""
        if self._closing is not None or self._ended:
            return
        self._queue.append(frame)
        self._buffered += len(frame)
        if self._buffered > self._settings.high_water:
            self._congested = True
            if self._buffered > self._settings.read_pause:
                self._room.clear()
        self._work.set()

    def send_many(self, frames: Iterable[bytes]) -> None:
        """Queue text frames in order."""
        for frame in frames:
            self.send(frame)

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close; a peer that does not take it in ``close_timeout_s`` is dropped."""
        if self._closing is not None or self._ended:
            return
        self._closing = (sendable_code(code), cut_reason(reason))
        self._room.set()
        self._work.set()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._settings.close_timeout_s, self._stop_writing)

    @property
    def congested(self) -> bool:
        """More waits than the high-water mark, and has not yet gone below the low one."""
        return self._congested

    @property
    def buffered(self) -> int:
        """Bytes that wait in our queue, with those the server has not taken yet."""
        return self._buffered

    # Inside

    async def run(self, connect: Callable[[], Link]) -> None:
        """Connect, then read and write until either side ends."""
        self._enter(connect)
        self._writing = asyncio.create_task(self._write())
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait((self._writing, reading), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended = True
            self._queue.clear()
            self._buffered = 0
            if self._deadline is not None:
                self._deadline.cancel()
            reading.cancel()
            self._writing.cancel()
            link, self._link = self._link, None
            if link is not None:
                link.lost()
        # Not reached when this task is cancelled: whoever cancels wants its own CancelledError back at once.
        done, _ = await asyncio.wait((self._writing, reading))
        for task in done:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(
                error, OSError
            ):  # which is how servers tell of a lost peer
                _log.error("a WebSocket connection failed", exc_info=error)

    def _enter(self, connect: Callable[[], Link]) -> None:
        try:
            self._link = connect()
        except CuttyError as error:
            self.close(error.close_code, error.sentence)
        except Exception:
            _log.exception("a session could not be set up")
            self.send(setup_error(f"{SETUP_FAILED}."))
            self.close(1011, SETUP_FAILED)

    async def _read(self) -> None:
        while True:
            await self._room.wait()
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._closing is not None or self._link is None:
                continue
            text, data = message.get("text"), message.get("bytes")
            if self._above_limit(text, data):
                limit = self._settings.max_message
                self.close(1009, f"A message exceeds the limit of {limit} bytes; send it in smaller parts.")
            elif text is not None:
                self._link.receive(text)
            elif data is not None:
                self._link.receive_binary(data)

    def _above_limit(self, text: str | None, data: bytes | None) -> bool:
        limit = self._settings.max_message
        if text is None:
            return data is not None and len(data) > limit
        if len(text) * 4 <= limit:  # no character takes more than four bytes
            return False
        return len(text.encode()) > limit

    async def _write(self) -> None:
        queue = self._queue
        while True:
            await self._work.wait()
            self._work.clear()
            while queue:
                frame = queue.popleft()
                await self._send({"type": "websocket.send", "text": frame.decode()})
                self._sent(len(frame))
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
                return

    def _sent(self, size: int) -> None:
        self._buffered -= size
        if self._congested and self._buffered <= self._settings.low_water:
            self._congested = False
            self._room.set()
            if self._link is not None and self._closing is None:
                self._link.writable()

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()


def _target(scope: Scope) -> str:
    """The request target below the mount point, still percent-encoded."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else quote(scope["path"])
    path = path.removeprefix(quote(scope.get("root_path", "").rstrip("/")))
    query: bytes = scope.get("query_string", b"")
    return f"{path}?{query.decode('latin-1')}" if query else path
