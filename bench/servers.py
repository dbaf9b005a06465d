"""The two servers that are compared, each run as a process of its own: ``python -m bench.servers NAME PORT [DATA]``."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog
import uvicorn

from bench.agents import Instant, words
from cutty_agent import App
from cutty_agent.access import JWT
from cutty_agent.cli import logs
from cutty_agent.cli.tuning import collect_rarely, tune
from cutty_agent.config import load
from cutty_agent.core.rate import Rate
from cutty_agent.ports.door import Opening
from cutty_agent.ports.outlet import Outlet
from cutty_agent.session.limiter import Limiter
from cutty_agent.session.rates import FrameMeter
from cutty_agent.transport.opening import Entrance
from cutty_agent.transport.websocket_protocol import websocket_protocol
from cutty_agent.wire import server
from cutty_agent.wire.client import ChatRequest, decode_body, decode_frame
from cutty_agent.wire.response import ResponseFrames


class BareLink:
    """One socket of the bare server: the same frames, with no session, store or fold."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, text: bytes | str) -> None:
        """Answer a chat request."""
        frame = decode_frame(text)
        if isinstance(frame, ChatRequest):
            task = asyncio.get_running_loop().create_task(self._answer(frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, frame: ChatRequest) -> None:
        body, _ = decode_body(frame.init.body or "{}")
        last: dict[str, Any] = msgspec.json.decode(body.messages[-1])  # type: ignore[index]  # always sent here
        frames = ResponseFrames(frame.id)
        seq = 0
        async for chunk in chunks(int(last["parts"][0]["text"])):
            self._outlet.send(frames.chunk(msgspec.json.encode(chunk), seq))
            seq += 1
        self._outlet.send(frames.terminal("completed", [last["id"]]))

    def receive_binary(self, data: bytes) -> None:
        """Nothing."""

    def writable(self) -> None:
        """Nothing."""

    def lost(self) -> None:
        """Nothing."""


async def chunks(count: int) -> AsyncIterator[dict[str, str]]:
    """The chunks that a session makes of so many words."""
    yield {"type": "start", "messageId": "assistant_1790000000000_abcdefghi"}
    yield {"type": "text-start", "id": "text-1"}
    async for word in words(count):
        yield {"type": "text-delta", "id": "text-1", "delta": word}
    yield {"type": "text-end", "id": "text-1"}
    yield {"type": "finish", "finishReason": "stop"}


class BareDoor:
    """Lets every socket in and greets it like a session."""

    def connect(self, outlet: Outlet, opening: Opening) -> BareLink:
        """A new socket."""
        outlet.send(server.identity(opening.address.session, opening.address.agent, state_follows=False))
        outlet.send(server.MCP_SERVERS)
        return BareLink(outlet)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


SECRET = "a secret that only the benchmarks know, of 32 bytes and more"

LIMITS = {
    "frames_per_second": 1e9,
    "frames_burst": 1_000_000_000,
    "requests_per_minute": 1e9,
    "principal_requests_per_minute": 1e9,
    "runaway_turns_per_minute": 1e9,
    "runaway_wakes_per_minute": 1e9,
}
"""The client is one greedy caller; what is counted is counted all the same."""


def lift_limits() -> None:
    """Count nothing: the reference for what the counting costs."""

    class Uncounted(FrameMeter):
        def take(self) -> float:
            return 0.0

    meter = Uncounted(Rate(1e9, 1e9), lambda: 0.0)
    for name, answer in {
        "frame_meter": meter,
        "connect": None,
        "disconnect": None,
        "http": None,
        "request": None,
        "begin_turn": None,
        "end_turn": None,
        "note_turn": None,
        "note_wake": None,
    }.items():
        setattr(Limiter, name, lambda *_, answer=answer, **__: answer)


def main() -> None:
    """Serve until killed."""
    collect_rarely()
    tune()
    name, port = sys.argv[1], int(sys.argv[2])
    app: Any
    if name == "bare":
        app, ws = _nothing, websocket_protocol(BareDoor(), Entrance(resolve=lambda segment: segment))
    else:
        lifetimes = {"idle_s": float(sys.argv[4]) if len(sys.argv) > 4 else 30.0, "sweep_s": 1e5}
        if name == "unlimited":
            lift_limits()
        level: Literal["info", "warning"] = "info" if name == "logged" else "warning"
        settings = load(
            data=Path(sys.argv[3]), lifetimes=lifetimes, limits=LIMITS, log_level=level, writer="process"
        )
        app = App([Instant], settings, identity=JWT(secret=SECRET) if name == "ruled" else None)
        ws = app.websocket_class()
        if name == "logged":
            logs.configure("json", level)
        else:
            structlog.configure(
                wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
                cache_logger_on_first_use=True,
            )
    uvicorn.run(
        app,
        port=port,
        http="httptools",
        ws=ws,
        loop="uvloop",
        access_log=False,
        log_level="warning",
        backlog=4096,
    )


if __name__ == "__main__":
    main()
