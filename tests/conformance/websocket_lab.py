"""A server with a recording door and a client that is in charge of every byte."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from cutty_agent.ports.door import Link, Opening
from cutty_agent.ports.outlet import Outlet
from cutty_agent.transport.asgi_websocket import serve
from cutty_agent.transport.opening import Entrance
from cutty_agent.transport.websocket_protocol import websocket_protocol
from cutty_agent.transport.websocket_settings import WebSocketSettings

TEXT, BINARY, CONT, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
ADDRESS = "/agents/chat/room?_pk=pk-1"
PATIENCE_S = 10.0
ENTRANCE = Entrance(resolve={"chat": "chat"}.get)


class RecordingLink:
    """Notes what it is told, in order, and lets a test wait for it."""

    def __init__(self, outlet: Outlet, opening: Opening) -> None:
        self.outlet = outlet
        self.opening = opening
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.losses = 0
        self.on_text: Callable[[bytes], None] = lambda text: None

    def receive(self, text: bytes | str) -> None:
        raw = text.encode() if isinstance(text, str) else text
        self.events.put_nowait(("text", raw))
        self.on_text(raw)

    def receive_binary(self, data: bytes) -> None:
        self.events.put_nowait(("binary", data))

    def writable(self) -> None:
        self.events.put_nowait(("writable", None))

    def lost(self) -> None:
        self.losses += 1
        self.events.put_nowait(("lost", None))

    async def event(self) -> tuple[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.events.get()


@dataclass
class RecordingDoor:
    """Hands out recording links; ``refusal`` is raised instead when set."""

    refusal: Exception | None = None
    on_connect: Callable[[RecordingLink], None] = lambda link: None
    links: asyncio.Queue[RecordingLink] = field(default_factory=asyncio.Queue)

    def connect(self, outlet: Outlet, opening: Opening) -> Link:
        if self.refusal is not None:
            raise self.refusal
        link = RecordingLink(outlet, opening)
        self.on_connect(link)
        self.links.put_nowait(link)
        return link

    async def link(self) -> RecordingLink:
        async with asyncio.timeout(PATIENCE_S):
            return await self.links.get()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    size: int | None = None,
) -> bytes:
    """A client's frame; ``size`` forces a 16 or 64 bit length, or a length that is a lie."""
    length = len(payload) if size is None else size
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 0x10000:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    stream = mask * (len(payload) // 4 + 1)
    return head + mask + bytes(a ^ b for a, b in zip(payload, stream, strict=False))


def close_payload(code: int, reason: str = "") -> bytes:
    return struct.pack("!H", code) + reason.encode()


class RawClient:
    """One TCP connection; frames are made and read by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def shake_hands(self, target: str = ADDRESS, **headers: str) -> tuple[int, dict[str, str]]:
        """Send the upgrade request; give the status and the headers of the answer."""
        lines = {
            "Host": "test.local",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        head = f"GET {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v) + "\r\n"
        self.write(head.encode())
        async with asyncio.timeout(PATIENCE_S):
            answer = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *rest = answer.strip().split("\r\n")
        pairs = (line.split(": ", 1) for line in rest)
        return int(status.split()[1]), {name.lower(): value for name, value in pairs}

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def read_frame(self) -> tuple[int, bytes]:
        """The opcode and payload of the server's next frame, which must be whole and unmasked."""
        async with asyncio.timeout(PATIENCE_S):
            first, second = await self.reader.readexactly(2)
            assert first & 0xF0 == 0x80, "fragment or reserved bit from the server"
            assert second < 128, "masked frame from the server"
            length = second
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(length)

    async def read_close(self) -> tuple[int | None, str]:
        """Code and reason of the close frame that must come next; no code when it has none."""
        opcode, payload = await self.read_frame()
        assert opcode == CLOSE, (opcode, payload[:100])
        if not payload:
            return None, ""
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    async def read_eof(self) -> bytes:
        """What else comes until the server ends the stream."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()

    def leave(self) -> None:
        """End the connection without a word."""
        self.writer.close()

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Site:
    """A listening server."""

    door: RecordingDoor
    port: int
    state: ServerState
    protocol: Any = None
    clients: list[RawClient] = field(default_factory=list)

    async def dial(self, *, receive_buffer: int | None = None) -> RawClient:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        client = RawClient(*await asyncio.open_connection(sock=sock, limit=2**17))
        self.clients.append(client)
        return client

    async def join(self, target: str = ADDRESS, **headers: str) -> tuple[RawClient, RecordingLink]:
        """A client whose handshake is done, and the session's end of it."""
        client = await self.dial()
        status, _ = await client.shake_hands(target, **headers)
        assert status == 101
        return client, await self.door.link()


@asynccontextmanager
async def open_site(
    kind: str,
    *,
    settings: WebSocketSettings | None = None,
    entrance: Entrance = ENTRANCE,
    door: RecordingDoor | None = None,
) -> AsyncIterator[Site]:
    """uvicorn's HTTP protocol on a free port; ``kind`` is ``native`` (our class in ``ws=``) or ``asgi``."""
    door = door or RecordingDoor()
    settings = settings or WebSocketSettings()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await serve(scope, receive, send, door=door, entrance=entrance, settings=settings)

    protocol = websocket_protocol(door, entrance, settings)
    ws: Any = protocol if kind == "native" else "websockets-sansio"
    config = Config(
        app, ws=ws, http="httptools", lifespan="off", log_config=None, ws_per_message_deflate=False
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: HttpToolsProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    site = Site(door, server.sockets[0].getsockname()[1], state, protocol)
    try:
        yield site
    finally:
        for client in site.clients:
            client.writer.transport.abort()
        server.close()
        await until(lambda: not state.connections and not state.tasks)


async def until(happened: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not happened():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0)
