"""Requests and sockets straight into an ASGI application, so that every byte it sends is seen in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Frame = dict[str, Any]
PATIENCE_S = 5.0
PEER = ("192.0.2.7", 50_000)
HOST = "server"

_ENDLESS = (b"application/x-ndjson", b"text/event-stream")
"""Bodies that may not end by themselves; their first piece is enough."""


@dataclass
class Answer:
    """What a request was answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Frame:
        found: Frame = self.json()["error"]
        return found


async def ask(
    app: Any,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: object = None,
    whole: bool = True,
) -> Answer:
    """One request. With ``whole`` false a body that may be endless is left after its first piece."""
    scope = {**_scope("http", path, headers), "method": method, "http_version": "1.1"}
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    answer = Answer(0, [], b"")
    begun, enough = False, asyncio.Event()

    async def receive() -> Frame:
        nonlocal begun
        if not begun:
            begun = True
            return {"type": "http.request", "body": content, "more_body": False}
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
            return
        answer.body += message.get("body", b"")
        kind = (answer.header("content-type") or "").encode()
        if not whole and answer.body and message.get("more_body") and kind.startswith(_ENDLESS):
            enough.set()

    async with asyncio.timeout(PATIENCE_S):
        await app(scope, receive, send)
    return answer


class Socket:
    """One WebSocket. Everything the server sends is kept in order."""

    def __init__(self, app: Any, path: str, headers: Mapping[str, str] | None = None) -> None:
        self.accepted: Frame | None = None
        self.received: list[str] = []
        self.closed: tuple[int, str] | None = None
        self._incoming: asyncio.Queue[Frame] = asyncio.Queue()
        self._news = asyncio.Condition()
        self._incoming.put_nowait({"type": "websocket.connect"})
        offered = (headers or {}).get("sec-websocket-protocol", "")
        scope = {
            **_scope("websocket", path, headers),
            "subprotocols": [name.strip() for name in offered.split(",") if name.strip()],
        }
        self._task = asyncio.create_task(app(scope, self._incoming.get, self._send))
        self._calls = 0

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.accept":
            self.accepted = message
        elif message["type"] == "websocket.send":
            assert self.closed is None, "sent after the close"
            self.received.append(message.get("text") or message["bytes"].decode())
        elif message["type"] == "websocket.close":
            self.closed = (message["code"], message.get("reason") or "")
        async with self._news:
            self._news.notify_all()

    @property
    def frames(self) -> list[Frame]:
        """What was received; text that is no JSON object, as to a bare front end, is left out."""
        return [frame for frame in map(_object, self.received) if frame is not None]

    def send(self, frame: Frame | str | bytes) -> Socket:
        """A frame; bytes are a binary one."""
        if isinstance(frame, bytes):
            self._incoming.put_nowait({"type": "websocket.receive", "bytes": frame})
        else:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            self._incoming.put_nowait({"type": "websocket.receive", "text": text})
        return self

    async def until(self, found: Callable[[], Any], what: str) -> Any:
        """Wait until something is so."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._news:
                await self._news.wait_for(found)
        except TimeoutError:
            raise AssertionError(
                f"{what} did not come; closed={self.closed}, received={self.received[-10:]}"
            ) from None
        return found()

    async def frame(self, match: Callable[[Frame], Any], *, after: int = 0, what: str = "a frame") -> Frame:
        """The first frame from index ``after`` on that matches."""
        found: Frame = await self.until(
            lambda: next((frame for frame in self.frames[after:] if match(frame)), None), what
        )
        return found

    async def of_type(self, type: str, *, after: int = 0) -> Frame:
        return await self.frame(lambda frame: frame.get("type") == type, after=after, what=type)

    async def greeted(self) -> Socket:
        """Wait until the session let it in."""
        await self.of_type("cf_agent_mcp_servers")
        return self

    async def call(self, method: str, *args: object) -> Frame:
        """Call a method; its answer. Everything sent before has been taken in by then."""
        self._calls += 1
        call = f"call-{self._calls}"
        self.send({"type": "rpc", "id": call, "method": method, "args": list(args)})
        return await self.frame(
            lambda frame: frame.get("type") == "rpc" and frame.get("id") == call, what=f"{method}()"
        )

    async def ended(self) -> tuple[int, str]:
        """The code and the reason of the server's close."""
        found: tuple[int, str] = await self.until(lambda: self.closed, "a close")
        await self.leave()
        return found

    async def leave(self) -> None:
        """Go away, and see to it that the application is done with this socket."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(PATIENCE_S):
            await self._task


@dataclass
class Sockets:
    """Sockets that are closed when their test is over."""

    app: Any
    open: list[Socket] = field(default_factory=list)

    def __call__(self, path: str, headers: Mapping[str, str] | None = None) -> Socket:
        self.open.append(Socket(self.app, path, headers))
        return self.open[-1]

    async def close(self) -> None:
        for each in self.open:
            await each.leave()


def _scope(type: str, path: str, headers: Mapping[str, str] | None) -> Frame:
    target, _, query = path.partition("?")
    given = {"host": HOST, **(headers or {})}
    return {
        "type": type,
        "asgi": {"version": "3.0"},
        "scheme": "ws" if type == "websocket" else "http",
        "path": unquote(target),
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        "client": PEER,
        "server": (HOST, 80),
    }


def _object(text: str) -> Frame | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
