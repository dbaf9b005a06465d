"""A client that does only what a test tells it, and keeps every frame."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from faults.process import Server

Frame = dict[str, Any]
WAIT_S = 60


class Visitor:
    """One socket. ``frames`` holds what it has read so far."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[Frame] = []

    async def send(self, **frame: Any) -> None:
        """Any frame."""
        await self.socket.send(json.dumps(frame))

    async def ask(self, tag: str, words: int) -> None:
        """A question (see ``numbered.py``) whose request id is ``r-TAG``, without the history."""
        message = {"id": tag, "role": "user", "parts": [{"type": "text", "text": f"{tag} {words}"}]}
        body = json.dumps({"messages": [message]})
        await self.send(
            type="cf_agent_use_chat_request", id=f"r-{tag}", init={"method": "POST", "body": body}
        )

    async def until(self, wanted: Callable[[Frame], object]) -> Frame:
        """Read up to the first frame that is wanted."""
        async with asyncio.timeout(WAIT_S):
            while True:
                frame: Frame = json.loads(await self.socket.recv())
                self.frames.append(frame)
                if wanted(frame):
                    return frame

    async def end(self) -> Frame:
        """Read up to the next terminal frame."""
        return await self.until(lambda frame: frame.get("done"))

    async def closed(self) -> int:
        """Read to the end of the socket; the close code, 1006 when it just broke off."""
        async with asyncio.timeout(WAIT_S):
            try:
                while True:
                    self.frames.append(json.loads(await self.socket.recv()))
            except ConnectionClosed as error:
                return error.rcvd.code if error.rcvd is not None else 1006

    async def rest(self) -> None:
        """As a client that comes back: probe, acknowledge, read on, until the server says that nothing runs."""
        await self.send(type="cf_agent_stream_resume_request", probeId="p")
        acked = set()
        while True:
            frame = await self.until(
                lambda frame: (
                    frame["type"].startswith(("cf_agent_stream_resuming", "cf_agent_stream_resume_none"))
                    or frame.get("done")
                )
            )
            if frame["type"] == "cf_agent_stream_resuming":
                if frame["id"] not in acked:
                    acked.add(frame["id"])
                    await self.send(type="cf_agent_stream_resume_ack", id=frame["id"])
            elif frame.get("reason") == "idle":
                return
            else:
                await self.send(type="cf_agent_stream_resume_request", probeId="p")

    def words(self) -> list[str]:
        """The words of all chunks this socket has shown, in their order."""
        deltas = [json.loads(frame["body"]) for frame in self.frames if is_chunk(frame)]
        return "".join(chunk["delta"] for chunk in deltas if chunk["type"] == "text-delta").split()


def is_chunk(frame: Frame) -> bool:
    """Whether a frame carries a chunk of an answer."""
    return (
        frame["type"] == "cf_agent_use_chat_response"
        and not frame["done"]
        and not frame.get("error")
        and frame["body"] != ""
    )


@contextlib.asynccontextmanager
async def visit(
    server: Server, session: str, *, agent: str = "chat", label: str = "v", **options: Any
) -> AsyncIterator[Visitor]:
    """A socket to a session."""
    options = {"max_size": None, "compression": None, "ping_interval": None, "close_timeout": 1, **options}
    url = f"ws://{server.url}/agents/{agent}/{session}?_pk={label}"
    async with connect(url, proxy=None, **options) as socket:
        yield Visitor(socket)
