"""A WebSocket client that calls an ASGI application directly: the server's whole path without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Scope

HOST = "127.0.0.1:8789"


class Socket:
    """One socket. Frames and the close go to the callbacks as they come."""

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        query: str,
        headers: Mapping[str, str],
        *,
        on_frame: Callable[[str], None],
        on_close: Callable[[int, str], None],
    ) -> None:
        self._app = app
        self._scope = websocket_scope(path, query, headers)
        self._on_frame = on_frame
        self._on_close = on_close
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.open = False

    def start(self) -> None:
        """Begin the handshake."""
        self._inbox.put_nowait({"type": "websocket.connect"})
        self.open = True
        self._task = asyncio.create_task(self._run())

    def send(self, frame: Mapping[str, Any] | str) -> None:
        """A text frame; nothing happens when the socket is closed."""
        if self.open:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    async def leave(self) -> None:
        """The network is lost, without a word; returns when the server has noticed.

        Raises:
            Exception: what the application raised.
        """
        task, self._task = self._task, None
        self.open = False
        if task is not None:
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})
            await task

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._inbox.get, self._take)
        finally:
            self.open = False
            self._on_close(1006, "")

    async def _take(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            if not self.open:
                raise OSError("the peer is gone")  # as servers say it
            text = message.get("text")
            self._on_frame(text if text is not None else message["bytes"].decode("utf-8", "replace"))
            await asyncio.sleep(0)  # a socket does not take everything in one step of the loop
        elif message["type"] == "websocket.close":
            self.open = False
            self._on_close(message.get("code", 1000), message.get("reason") or "")
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": message.get("code", 1000)})


def websocket_scope(path: str, query: str, headers: Mapping[str, str]) -> Scope:
    """The ASGI scope of a socket from this machine."""
    given = {"host": HOST, **{name.lower(): value for name, value in headers.items()}}
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8789),
        "subprotocols": [],
        "state": {},
        "extensions": {},
    }
