"""A turn as an AI SDK event stream (protocol 6.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.responses import StreamingResponse

from ..session.gate import Answer
from ..stream.live import Ending

KEEP_ALIVE_S: Final = 15.0
"""Silence after which a comment line keeps proxies from closing the stream."""

HEADERS: Final = {
    "cache-control": "no-cache",
    "connection": "keep-alive",
    "x-vercel-ai-ui-message-stream": "v1",
    "x-accel-buffering": "no",
}


def event_stream(answer: Answer, headers: dict[str, str]) -> StreamingResponse:
    """The response that follows ``answer``. A reader that leaves does not stop the turn."""
    return StreamingResponse(_events(answer), media_type="text/event-stream", headers={**HEADERS, **headers})


async def _events(answer: Answer) -> AsyncIterator[bytes]:
    batches = answer.bodies()
    waiting: asyncio.Task[list[bytes]] | None = None
    leaving = asyncio.ensure_future(answer.leaving.wait())
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(batches, []))
            await asyncio.wait({waiting, leaving}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                if leaving.done():
                    return
                yield b": keep-alive\n\n"
                continue
            batch, waiting = waiting.result(), None
            if not batch:
                break
            yield b"".join(b"data: %b\n\n" % body for body in batch)
        yield _end(answer.ended())
    finally:
        leaving.cancel()
        if waiting is not None:
            waiting.cancel()


def _end(ending: Ending | None) -> bytes:
    last = b""
    if ending is not None and ending.error is not None:
        last = _event({"type": "error", "errorText": ending.error})
    elif ending is not None and ending.outcome == "aborted":
        last = _event({"type": "abort"})
    return last + b"data: [DONE]\n\n"


def _event(chunk: dict[str, str]) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(chunk)
