"""A client that costs little: raw sockets, frames counted by a pattern instead of parsed."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from time import perf_counter
from typing import cast

import msgspec

_CHUNK = b'"seq":'
_END = b'"done":true'
_NONE = b"cf_agent_stream_resume_none"
_PROBE = b'{"type":"cf_agent_stream_resume_request"}'


def question(request_id: str, text: str) -> bytes:
    """The user message of a request."""
    return msgspec.json.encode(
        {"id": f"u-{request_id}", "role": "user", "parts": [{"type": "text", "text": text}]}
    )


def request(request_id: str, text: str, *, history: bytes = b"") -> bytes:
    """A masked WebSocket frame with one chat request; ``history`` are earlier messages, with a trailing comma."""
    body = b'{"messages":[' + history + question(request_id, text) + b'],"trigger":"submit-message"}'
    payload = msgspec.json.encode(
        {
            "type": "cf_agent_use_chat_request",
            "id": request_id,
            "init": {"method": "POST", "body": body.decode()},
        }
    )
    return masked(payload)


def masked(payload: bytes) -> bytes:
    """A whole text frame from a client; the mask is zero, so the payload stays readable."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x81, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x81, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x81, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


class Client(asyncio.Protocol):
    """One socket: counts chunk frames and terminal frames, and tells when something awaited has come. ``heard`` collects
    what comes while it is a list."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._tail = b""
        self._upgraded = False
        self.chunks = 0
        self.ended = 0
        self.heard: list[bytes] | None = None
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.first: asyncio.Future[float] | None = None
        self.done: asyncio.Future[None] | None = None
        self.none: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            (
                f"GET {self._target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        """Count what came."""
        if self.heard is not None:
            self.heard.append(data)
        seen = self._tail + data
        if not self.greeted.done():
            if b"cf_agent_mcp_servers" in seen:
                self.greeted.set_result(None)
                self._tail = b""
            else:
                self._tail = seen
            return
        keep = len(_END) - 1
        if self.first is not None and not self.first.done() and b"text-delta" in seen:
            self.first.set_result(perf_counter())
        if self.none is not None and not self.none.done() and _NONE in data:
            self.none.set_result(None)
        self.chunks += seen.count(_CHUNK) - self._tail.count(_CHUNK)
        ended = seen.count(_END) - self._tail.count(_END)
        self._tail = seen[-keep:] if len(seen) > keep else seen
        if ended:
            self.ended += ended
            if self.done is not None and not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for ever."""
        for future in (self.greeted, self.first, self.done, self.none):
            if future is not None and not future.done():
                future.set_exception(ConnectionError(f"the server closed the socket: {exc}"))

    async def turn(self, frame: bytes) -> float:
        """Send a request and wait for its end; seconds."""
        loop = asyncio.get_running_loop()
        self.done = loop.create_future()
        start = perf_counter()  # the loop's own clock counts whole milliseconds
        self.transport.write(frame)
        await self.done
        return perf_counter() - start

    async def probe(self) -> float:
        """Ask what is running, to which the answer is "nothing", and needs no disk; seconds."""
        self.none = asyncio.get_running_loop().create_future()
        start = perf_counter()
        self.transport.write(masked(_PROBE))
        await self.none
        return perf_counter() - start


async def connect(port: int, session: str, agent: str = "instant", token: str | None = None) -> Client:
    """An open, greeted socket."""
    loop = asyncio.get_running_loop()
    shown = f"&token={token}" if token else ""
    _, client = await loop.create_connection(
        lambda: Client(f"/agents/{agent}/{session}?_pk={session}{shown}"), "127.0.0.1", port
    )
    await client.greeted
    return client
