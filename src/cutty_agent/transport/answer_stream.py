"""A turn as the body of an HTTP response: the AI SDK's event stream (protocol 6.2), or the lines of AI SDK 4 (5.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..core.v4 import V4Stream
from ..session.followed import Answer
from ..stream.live import Ending

KEEP_ALIVE_S: Final = 15.0
"""Silence after which a comment keeps proxies from closing the stream."""

_SHARED: Final = {"cache-control": "no-cache", "connection": "keep-alive", "x-accel-buffering": "no"}
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class _Form(Protocol):
    """How chunks, the end and silence are written."""

    def chunks(self, bodies: list[bytes]) -> bytes: ...

    def end(self, ending: Ending | None) -> bytes: ...

    silence: bytes


class _Events:
    silence = b": keep-alive\n\n"

    def chunks(self, bodies: list[bytes]) -> bytes:
        return b"".join(b"data: %b\n\n" % body for body in bodies)

    def end(self, ending: Ending | None) -> bytes:
        last: list[bytes] = []
        if ending is not None and ending.error is not None:
            last = [msgspec.json.encode({"type": "error", "errorText": ending.error})]
        elif ending is not None and ending.outcome in {"aborted", "recovering"}:
            last = [b'{"type":"abort"}']
        return self.chunks([*last, b"[DONE]"])


class _Lines:
    silence = b""  # this form has no comments

    def __init__(self) -> None:
        self._stream = V4Stream()

    def chunks(self, bodies: list[bytes]) -> bytes:
        lines = [line for body in bodies for line in self._stream.feed(_decode(body))]
        return "".join(lines).encode()

    def end(self, ending: Ending | None) -> bytes:
        outcome, error = (ending.outcome, ending.error) if ending is not None else (None, None)
        return "".join(self._stream.close(outcome, error)).encode()


def answer_stream(answer: Answer) -> StreamingResponse:
    """The response that follows ``answer``, in the form its client reads. A reader that leaves does not stop the
    turn."""
    headers = {**_SHARED, "x-request-id": answer.request_id}
    if answer.dialect == "v4":
        headers |= {"x-vercel-ai-data-stream": "v1", "content-type": "text/plain; charset=utf-8"}
        return StreamingResponse(_follow(answer, _Lines()), headers=headers)
    headers |= {"x-vercel-ai-ui-message-stream": "v1", "content-type": "text/event-stream"}
    return StreamingResponse(_follow(answer, _Events()), headers=headers)


def resumed(request: Request, answer: Answer | None) -> Response:
    """The response to a client that asks for the answer in progress: 204 when there is none."""
    if answer is None:
        return Response(status_code=204)
    response = answer_stream(answer)
    if request.method == "HEAD":  # it must not wait for the end of the turn
        return Response(headers=dict(response.headers))
    return response


async def _follow(answer: Answer, form: _Form) -> AsyncIterator[bytes]:
    batches = answer.bodies()
    waiting: asyncio.Task[list[bytes]] | None = None
    leaving = asyncio.ensure_future(answer.leaving.wait())
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(batches, []))
            await asyncio.wait({waiting, leaving}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                return
            if not waiting.done():
                yield form.silence
                continue
            batch, waiting = waiting.result(), None
            if not batch:
                break
            yield form.chunks(batch)
        yield form.end(answer.ended())
    finally:
        leaving.cancel()
        if waiting is not None:
            waiting.cancel()
